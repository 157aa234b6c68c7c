# users and units, each by its rule
# shellcheck shell=bash disable=SC2016,SC2154

check "nobody gets a token by default, root neither" ends 77 bursar token get x
check "alice is allowed" bursar vault allow x --user alice
check "alice gets a token" same token-1 token alice
check "bob does not" ends 77 token bob
check "a member of bursar-admin administers" says '^x ' as carol bursar --system vault list
check "bob does not" ends 77 as bob bursar --system vault show x
check "the doctor finds nothing that needs a person" ends 0 bursar doctor
check "nor in TLS to the server" says '^ok: x: https://.*, and its TLS is trusted$' bursar doctor --connect
check "bob is told the half that anybody can see" says '^note: broker: it tells administrators alone' \
    as bob bursar --system doctor

check "app.service is allowed" bursar vault allow x --unit app.service
# shellcheck disable=SC2016
shown='cat "$CREDENTIALS_DIRECTORY/x"'
check "a unit with a user of its own gets its token by LoadCredential=" says '^token-[0-9]+$' \
    unit app.service DynamicUser=yes LoadCredential=x:/run/bursar/credentials.sock -- sh -c "$shown"
check "and at the broker's socket, for as long as it runs" says '^token-[0-9]+$' \
    unit app.service DynamicUser=yes -- bursar --system token get x
check "another unit gets an empty credential, at once" same "0" \
    unit other.service DynamicUser=yes LoadCredential=x:/run/bursar/credentials.sock TimeoutStartSec=2 -- \
    sh -c "$shown | wc -c"
check "app.service gets none of another name" same "0" \
    unit app.service LoadCredential=none:/run/bursar/credentials.sock -- \
    sh -c 'cat "$CREDENTIALS_DIRECTORY/none" | wc -c'

install -m 0755 Tests/TestSupport/Resources/unit_credential.py "$booted/usr/local/bin/ask-as-systemd"
check "root in another unit that binds app.service's address gets nothing" says '"data": ""' \
    unit liar.service -- python3 /usr/local/bin/ask-as-systemd /run/bursar/credentials.sock aa/unit/app.service/x
check "the same in app.service itself is what systemd does" says '"data": "token-[0-9]+"' \
    unit app.service -- python3 /usr/local/bin/ask-as-systemd /run/bursar/credentials.sock ab/unit/app.service/x
check "a user can't even connect there" says 'Permission denied' \
    as bob python3 /usr/local/bin/ask-as-systemd /run/bursar/credentials.sock ac/unit/app.service/x

# A user owns the folders below user@UID.service, and may name one like a unit.
bob=$(inside id -u bob)
inside systemctl start "user@$bob.service"
cat >"$booted/usr/local/bin/in-a-folder-like-a-unit" <<'SCRIPT'
#!/bin/sh
# Moves to a control group app.service below the user's own, in systemd's hierarchy, and asks there.
path=$(awk -F: '$2 == "name=systemd" || ($2 == "" && !found) { found = 1; print $2 ":" $3 }' /proc/self/cgroup |
    sort | tail -n 1)
case $path in
name=systemd:*) mount=/sys/fs/cgroup/systemd ;;
*) mount=/sys/fs/cgroup ;;
esac
top=${path#*:}
top=$mount${top%%/user@*}/user@$(id -u).service
mkdir -p "$top/app.service" && echo $$ >"$top/app.service/cgroup.procs" || exit 98
grep -q '/app.service$' /proc/self/cgroup || exit 99
bursar --system token get x
SCRIPT
chmod 0755 "$booted/usr/local/bin/in-a-folder-like-a-unit"
check "a folder in one's own control group, named like a unit, is no unit" ends 77 \
    as bob env "XDG_RUNTIME_DIR=/run/user/$bob" systemd-run --user -q --wait --pipe --collect \
    in-a-folder-like-a-unit
inside systemctl stop "user@$bob.service"
check "a unit of a user's own manager is none either" not says token-1 \
    inside sh -c "systemctl start user@$bob.service; setpriv --reuid bob --regid bob --init-groups \
        env XDG_RUNTIME_DIR=/run/user/$bob systemd-run --user -q --wait --pipe --collect --unit=app.service \
        bursar --system token get x"
