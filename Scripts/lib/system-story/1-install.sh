# installing
# shellcheck shell=bash disable=SC2016,SC2154

check "the package installs" inside dpkg -i /root/bursar.deb
check "systemd finds nothing wrong with the units" \
    inside systemd-analyze verify --man=no bursard.service bursard.socket bursard-credentials.socket
exposure() {
    inside systemd-analyze security --offline=true --no-pager --json=short bursard.service >/dev/null
    inside systemd-analyze security --offline=true --no-pager bursard.service | tail -n 1 |
        tee "$work/exposure" | sed -nE 's/.*: ([0-9.]+) .*/\1/p' |
        awk '{ seen = 1; bad = $1 > 1.4; print } END { exit !seen || bad }'
}
check "systemd-analyze security says 1.4 or less" exposure
cat "$work/exposure"
check "the service's user and the groups are there" \
    inside sh -c 'id bursar && getent group bursar-admin && getent group bursar-metrics'
check "the sockets' folder is root's" same "root 755" inside stat -c '%U %a' /run/bursar
check "everybody may ask at the broker's socket" same "root 666" inside stat -c '%U %a' /run/bursar/broker.sock
check "root alone at the one for units" same "root 600" inside stat -c '%U %a' /run/bursar/credentials.sock
check "the vault's folders are the service's alone" same $'bursar 700\nbursar 700' \
    inside stat -c '%U %a' /var/lib/bursar /var/lib/bursar-state
check "nothing runs yet" same inactive inside systemctl is-active bursard.service
