"""What a script does without a broker: a token by requests-oauthlib, and the secret in a file.

Usage: benchmark_oauthlib.py TOKEN_URL CA_FILE SECRET_FILE
"""

import sys

from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

token_url, ca_file, secret_file = sys.argv[1:]
with open(secret_file) as file:
    secret = file.read()
session = OAuth2Session(client=BackendApplicationClient(client_id="benchmark"))
token = session.fetch_token(
    token_url, client_id="benchmark", client_secret=secret, include_client_id=True, verify=ca_file)
print(token["access_token"])
