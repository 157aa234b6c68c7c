# socket activation, and unlocking by an encrypted credential
# shellcheck shell=bash disable=SC2016,SC2154

inside useradd -m alice
inside useradd -m bob
inside useradd -m -G bursar-admin carol

check "the first request starts the broker, locked" says 'state +locked' bursar status
check "it runs as its own user" same bursar inside sh -c 'ps -o user= -p $(pidof bursard)'
check "the journal says why it is locked" says 'no passphrase was handed over: starting locked' \
    inside journalctl -u bursard -o cat
check "a vault is made" inside sh -c 'umask 077; echo "correct horse" >/root/passphrase
    bursar --system --passphrase-file /root/passphrase vault init --kdf interactive'
check "a credential is sealed" inside sh -c "printf canary-s3cret | bursar --system vault add x \
    --token-url $url --client-id id --auth client_secret_post --ca-file /root/ca.pem --secret-stdin"
check "its passphrase is encrypted for the service" inside systemd-creds encrypt --with-key=host \
    --name=bursar-passphrase /root/passphrase /etc/credstore.encrypted/bursar-passphrase
check "the service restarts" inside systemctl restart bursard
check "and is unlocked, with nobody there" says 'state +unlocked' bursar status
check "secrets lie in locked memory" inside sh -c \
    'awk "/VmLck/ { exit !(\$2 > 0) }" /proc/$(pidof bursard)/status'
check "the journal has the priority apart from the words" says '^6$' \
    inside sh -c 'journalctl -u bursard -o json --output-fields=PRIORITY,MESSAGE |
        grep "unlocked by the service" | tail -n 1 | sed "s/.*\"PRIORITY\":\"\([0-9]\)\".*/\1/"'
