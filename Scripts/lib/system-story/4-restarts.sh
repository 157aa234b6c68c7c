# restarts, reloads and an upgrade under load
# shellcheck shell=bash disable=SC2016,SC2154

restart_and_ask() {
    inside systemctl restart --no-block bursard
    unit app.service LoadCredential=x:/run/bursar/credentials.sock -- sh -c "$shown"
}

start_loops
sleep 1
for _ in 1 2 3; do
    check "the service restarts under load" inside systemctl restart bursard
    check "a unit that starts while it restarts gets its token" says '^token-[0-9]+$' restart_and_ask
    sleep 1
done
check "a reload, too" inside systemctl reload bursard
stop_loops
check "no request was lost" all_got_tokens 50
check "a reload keeps the process and its tokens" inside sh -c \
    'before=$(pidof bursard); systemctl reload bursard; sleep 0.2; [ "$(pidof bursard)" = "$before" ]'

# One that hangs is ended and started anew.
inside mkdir -p /run/systemd/system/bursard.service.d
inside sh -c 'printf "[Service]\nWatchdogSec=2s\n" >/run/systemd/system/bursard.service.d/watchdog.conf'
inside systemctl daemon-reload
inside systemctl restart bursard
check "a broker that lives satisfies the watchdog" inside sh -c \
    'before=$(pidof bursard); sleep 5; [ "$(pidof bursard)" = "$before" ]'
check "one that hangs is replaced" inside sh -c 'before=$(pidof bursard); kill -STOP $before
    for _ in $(seq 300); do
        now=$(pidof bursard); [ -n "$now" ] && [ "$now" != "$before" ] && exit 0; sleep 0.1
    done; exit 1'
check "and alice gets a token of the new one" says 'token-[0-9]' token alice
inside rm -r /run/systemd/system/bursard.service.d
inside systemctl daemon-reload
inside systemctl restart bursard

socket=$(inside stat -c %i /run/bursar/broker.sock)
before=$(inside pidof bursard)
start_loops
sleep 1
check "a later version installs" inside dpkg -i /root/later.deb
sleep 1
stop_loops
check "no request was lost" all_got_tokens 10
check "the socket is the same" same "$socket" inside stat -c %i /run/bursar/broker.sock
check "the broker is a new one" not same "$before" inside pidof bursard
check "and it is unlocked" says 'state +unlocked' bursar status
check "the rules are still there" ends 77 token bob
