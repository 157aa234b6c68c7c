import Foundation
import TestSupport
import Testing

/// Other users of the same machine, with the file modes loosened on purpose: the kernel's word alone has to
/// keep them out.
@Suite(.enabled(if: getuid() == 0, "becoming another user takes root"))
final class OtherUserTests {
    private static let owner = 23456
    private static let stranger = 34567

    private let installation: Installation
    private let endpoint: ScriptedEndpoint

    init() throws {
        installation = try Installation()
        endpoint = try TranscriptTests.endpoint.get()
    }

    // Root's client does not talk to a user's broker.
    deinit { _ = try? shell("as $owner bursar broker stop") }

    private func shell(_ command: String) throws -> Finished {
        let program = Installation.programs
        return try installation.shell(
            """
            as() { u=$1; shift; setpriv --reuid $u --regid $u --clear-groups "$@"; }
            owner=\(Self.owner); stranger=\(Self.stranger); bin=$F/bin
            [ -e $bin ] || { mkdir $bin; cp \(program)/bursar \(program)/bursard $bin; chmod 755 $bin/*; }
            PATH=$bin:/usr/bin:/bin
            \(command)
            """, endpoint, seconds: 60)
    }

    /// A vault of `owner`, its broker running, and everything on the way to its socket open to all.
    private func openTheHouse() throws {
        let made = try shell(
            """
            cp $CA $F/ca.pem; chmod 644 $F/ca.pem
            chown -R $owner:$owner $F/home $F/run $F/passphrase; chmod 755 $F $F/run $F/home
            as $owner bursar vault init --kdf interactive
            printf canary-s3cret | as $owner bursar vault add x --token-url $ENDPOINT/ok/\(UUID()) \\
                --client-id id --auth client_secret_post --ca-file $F/ca.pem --secret-stdin
            as $owner bursar token get x
            chmod 755 $F/run/bursar; chmod 666 $SOCKET
            """)
        try #require(made.output == "token-1\n", "\(made.error)")
    }

    @Test func aStrangerGetsNothingThroughAnOpenSocket() throws {
        try openTheHouse()
        let ended = try shell(
            """
            ask() { as $1 curl -s -o /dev/null -w '%{http_code} ' --unix-socket $SOCKET "${@:2}"; }
            for path in status credentials credentials/x credentials/x/token credentials/none/token none; do
                ask $stranger http://bursar/v1/$path
            done
            for path in unlock lock stop vault passphrase check; do
                ask $stranger -H 'Content-Type: application/octet-stream' -d x http://bursar/v1/$path
            done
            ask $stranger -X PUT -H 'Content-Type: application/octet-stream' -d '{}' http://bursar/v1/credentials/y
            ask $stranger -X DELETE http://bursar/v1/credentials/x
            echo; ask $owner http://bursar/v1/credentials/x/token; ask 0 http://bursar/v1/credentials/x/token
            """)
        #expect(
            ended.output == String(repeating: "403 ", count: 14) + "\n200 200 ", "\(ended.error)")
        // Neither words nor length tell what is there.
        let words = try shell(
            """
            for path in credentials/x/token credentials/none/token nothing; do
                as $stranger curl -s --unix-socket $SOCKET http://bursar/v1/$path; echo
            done | sort -u
            """)
        #expect(
            words.output == """
                {"type":"urn:bursar:problem:denied","status":403,"detail":"this caller may not use this broker",\
                "exit_code":77,"hints":[]}

                """)
    }

    /// Who may is decided by the head: the refusal comes though the body never does.
    @Test func aStrangerIsRefusedBeforeTheBody() throws {
        try openTheHouse()
        let ended = try shell(
            """
            as $stranger timeout 10 python3 -c '
            import socket, sys
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(sys.argv[1])
            peer.sendall(b"POST /v1/unlock HTTP/1.1\\r\\nHost: b\\r\\nContent-Type: application/octet-stream\\r\\n"
                         b"Content-Length: 1000\\r\\n\\r\\n")
            print(peer.recv(4096)[:12].decode())' $SOCKET
            """)
        #expect(ended.output == "HTTP/1.1 403\n", "\(ended.error)")
    }

    /// The client asks the kernel whose socket it is before it sends a byte.
    @Test func nothingIsSentToASocketOfSomebodyElse() throws {
        let ended = try shell(
            """
            chmod 755 $F; mkdir -m 755 $F/place; chown $stranger $F/place
            as $stranger timeout 20 python3 -c '
            import os, socket, sys
            server = socket.socket(socket.AF_UNIX)
            server.bind(sys.argv[1])
            os.chmod(sys.argv[1], 0o666)
            server.listen()
            server.settimeout(3)
            count = connections = 0
            try:
                while True:
                    peer, _ = server.accept()
                    connections += 1
                    count += len(peer.recv(4096))
            except TimeoutError:
                print(connections > 0, count)' $F/place/s &
            for _ in $(seq 100); do [ -S $F/place/s ] && break; sleep 0.05; done
            bursar token get x --socket $F/place/s; echo $?
            chown 0 $F/place
            bursar token get x --socket $F/place/s; echo $?
            wait
            """)
        // In a folder of somebody else it is not even tried; in one of root's, the kernel tells.
        #expect(ended.output == "78\n77\nTrue 0\n")
        #expect(
            ended.error == """
                bursar: error: "\(installation.path("place"))" is not safe: it belongs to another user (uid \
                \(Self.stranger))
                bursar: error: won't talk to the broker at "\(installation.path("place"))/s": it belongs to \
                another user (uid \(Self.stranger))

                """)
    }

    @Test func aVaultOfSomebodyElseIsNotOpened() throws {
        try openTheHouse()
        let ended = try shell(
            """
            as $owner bursar broker stop
            chmod 644 $VAULT; chmod -R o+rX $F/home
            mkdir -m 700 $F/mine; chown $stranger $F/mine
            install -o $stranger -m 600 $F/passphrase $F/theirs
            as $stranger env HOME=$F/mine XDG_RUNTIME_DIR=$F/mine BURSAR_PASSPHRASE_FILE=$F/theirs \\
                bursar vault list --vault $VAULT --socket $F/mine/s; echo $?
            """)
        #expect(ended.output == "78\n", "\(ended.error)")
        #expect(ended.error.contains("is not safe: it belongs to another user (uid \(Self.owner))"))
    }

    /// Somebody was first in /tmp, where the socket goes if there is no runtime folder.
    @Test func aFolderInTmpThatSomebodyElseMadeIsRefused() throws {
        let uid = 45678
        let ended = try shell(
            """
            mkdir -m 777 /tmp/bursar-\(uid); chown $stranger /tmp/bursar-\(uid)
            mkdir -m 700 $F/mine; chown \(uid) $F/mine; chmod 755 $F
            install -o \(uid) -m 600 $F/passphrase $F/theirs
            mine() {
                as \(uid) env -u XDG_RUNTIME_DIR BURSAR_PASSPHRASE_FILE=$F/theirs HOME=$F/mine "$@"; echo $?
            }
            mine bursar vault init --kdf interactive
            rmdir /tmp/bursar-\(uid); ln -s $F/mine /tmp/bursar-\(uid)
            mine bursar vault init --kdf interactive
            rm /tmp/bursar-\(uid)
            """)
        #expect(ended.output == "78\n78\n", "\(ended.error)")
        #expect(
            ended.error.contains("\"/tmp/bursar-\(uid)\" is not safe: it belongs to another user"))
        #expect(ended.error.contains("\"/tmp/bursar-\(uid)\" is not safe: it is a symbolic link"))
    }

    /// A logout takes the runtime folder away; a cron job later looks elsewhere, and so does the broker.
    @Test func afterALogoutTheBrokerIsWhereItsClientsLook() throws {
        try openTheHouse()
        let ended = try shell(
            """
            mv $F/run $F/gone
            for _ in $(seq 100); do
                as $owner env -u XDG_RUNTIME_DIR bursar status --no-autostart >/dev/null 2>&1 && break; sleep 0.1
            done
            as $owner env -u XDG_RUNTIME_DIR bursar status | grep socket
            as $owner env -u XDG_RUNTIME_DIR bursar broker stop; rmdir /tmp/bursar-$owner
            """)
        #expect(
            ended.output == "socket       /tmp/bursar-\(Self.owner)/broker.sock\n", "\(ended.error)"
        )
    }

    /// No debugger and no memory file for a process of the same user.
    @Test func theOwnersOtherProcessesCanNotReadTheBroker() throws {
        try openTheHouse()
        let ended = try shell(
            """
            p=$(as $owner bursar status --output json | sed 's/.*"pid":\\([0-9]*\\).*/\\1/')
            as $owner python3 -c 'import sys; open(f"/proc/{sys.argv[1]}/mem", "rb")' $p 2>&1 | tail -1 | cut -c1-15
            as $owner cat /proc/$p/environ >/dev/null 2>&1 || echo refused
            """)
        #expect(ended.output == "PermissionError\nrefused\n")
    }
}
