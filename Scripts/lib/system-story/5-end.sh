# what is left behind
# shellcheck shell=bash disable=SC2016,SC2154

check "the audit trail is whole, over all restarts" bursar audit --verify
check "it says who got tokens" says alice bursar audit
check "bob does not read it" ends 77 as bob bursar --system audit
check "the doctor finds nothing for a person" bursar doctor
check "locked, it pays out nothing" bursar lock
check "alice is told so" ends 77 token alice
check "a unit starts with an empty credential" same "0" \
    unit app.service LoadCredential=x:/run/bursar/credentials.sock -- sh -c "$shown | wc -c"
check "an administrator unlocks it" bursar --passphrase-file /root/passphrase unlock
check "alice gets a token" says 'token-[0-9]' token alice
check "the secret and the passphrase are in no line of the journal" \
    not inside sh -c 'journalctl -o cat | grep -E "canary-s3cret|correct horse"'
check "nor is a token" not inside sh -c 'journalctl -u bursard -o cat | grep -E "token-[0-9]"'

check "the package is removed" inside dpkg -r bursar
check "nothing of it runs" not inside pidof bursard
check "its sockets are gone" not inside test -e /run/bursar
check "the vault is not" inside test -s /var/lib/bursar/vault.db
check "installed anew, it opens the same vault" inside dpkg -i /root/later.deb
check "and alice gets a token" says 'token-[0-9]' token alice

check "the package is purged, and says what it deletes" says '^bursar: deleting: /var/lib/bursar/vault.db$' \
    inside dpkg -P bursar
check "the vault is gone" not inside test -e /var/lib/bursar
check "and what was remembered of it" not inside test -e /var/lib/bursar-state
check "no unit of it is left" not inside sh -c \
    'systemctl list-unit-files --no-legend "bursard*" | grep . || find /etc/systemd -name "bursard*" | grep .'
check "nothing of systemd's failed" not inside sh -c \
    'systemctl --failed --no-legend | grep -v -E "run-[a-z0-9]+\.service" | grep .'
