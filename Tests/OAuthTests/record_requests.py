"""Records what real clients send: curl with a form, and requests-oauthlib with HTTP Basic.

Reads {"client_id":…,"client_secret":…} from standard input, prints
{"curl":{"body":…,"authorization":…},"oauthlib":{…}}.
"""

import http.server
import json
import os
import subprocess
import sys
import threading

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

seen = []


class Recorder(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        seen.append({"body": body, "authorization": self.headers.get("Authorization")})
        answer = b'{"access_token":"t","token_type":"Bearer","expires_in":60}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


client = json.load(sys.stdin)
server = http.server.HTTPServer(("127.0.0.1", 0), Recorder)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/as/token.oauth2"
subprocess.run(
    ["curl", "-s", "--noproxy", "*", "--max-time", "10", "--request", "POST", url,
     "--header", "Content-Type: application/x-www-form-urlencoded",
     "--data-urlencode", "grant_type=client_credentials",
     "--data-urlencode", f"client_id={client['client_id']}",
     "--data-urlencode", f"client_secret={client['client_secret']}"],
    check=True, stdout=subprocess.DEVNULL)
session = OAuth2Session(client=BackendApplicationClient(client_id=client["client_id"]))
session.trust_env = False
session.fetch_token(
    token_url=url, auth=HTTPBasicAuth(client["client_id"], client["client_secret"]), timeout=10)
print(json.dumps({"curl": seen[0], "oauthlib": seen[1]}))
