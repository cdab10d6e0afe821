#!/usr/bin/env bash
# Starts the server on its embedded default, fills the demo account over IMAP and says how to look at it.
#   tests/demo/run.sh DATA_DIRECTORY BINARIES
set -euo pipefail
data=$1
bin=$2
here=$(dirname "$(readlink -f "$0")")
say() { printf '\033[1m== %s\033[0m\n' "$*"; }

log=$data.log
ready=$(mktemp)
say "starting cpmstored in $data (log: $log)"
"$bin/cpmstored" --data "$data" >"$ready" 2>>"$log" &
server=$!
trap 'kill -TERM $server 2>/dev/null; wait $server 2>/dev/null; rm -f "$ready"; exit 0' INT TERM
for _ in $(seq 600); do
  grep -q '^ready ' "$ready" && break
  kill -0 $server 2>/dev/null || { tail -n 20 "$log" >&2; echo "cpmstored did not start; its log is $log" >&2; exit 1; }
  sleep 0.1
done
grep -q '^ready ' "$ready" || { tail -n 20 "$log" >&2; echo "cpmstored is not ready after a minute; its log is $log" >&2; exit 1; }
imaps=$(sed -n 's/.* imaps=\([^ ]*\).*/\1/p' "$ready")
imap=$(sed -n 's/^ready imap=\([^ ]*\).*/\1/p' "$ready")
http=$(sed -n 's/.* http=\([^ ]*\).*/\1/p' "$ready")

ctl() { "$bin/cpmctl" --data "$data" "$@"; }
if ! ctl user show alice@example.net >/dev/null 2>&1; then
  say "making the demo account and the recording service"
  echo alice-secret | ctl user add alice@example.net --alias tel:+15550100 --alias sip:alice@example.net --password-stdin
  echo recorder-secret | ctl service add recorder --role deposit --for '*@example.net' --password-stdin
  say "recording conversations over IMAP, as a Participating Function does"
  echo recorder-secret |
    ctl deposit --as recorder --password-stdin --for alice@example.net "$here/conversation/conversation.jsonl"
fi

cat <<TXT

The store is running.  IMAPS $imaps   IMAP+STARTTLS $imap   HTTP http://$http/metrics
Account: alice@example.net (also tel:+15550100, sip:alice@example.net)   password: alice-secret

What is in it:
  Default/tel:+15550101          a chat with notifications and a picture; generation 2
  Default/conv-lake/sess-11      a chat session with a picture; generation 1
  Default/gc-51ab/gc-51ab        a group chat with its state
  Default/tel:+15550103          SMS and MMS         Default/tel:+15550104   pager messages, one expired
See the conversation:
  curl -sk --url 'imaps://$imaps/Default/tel:%2B15550101;UID=1' --user 'alice@example.net:alice-secret'
  curl -sk --url 'imaps://$imaps/Default/tel:%2B15550101' --user 'alice@example.net:alice-secret' -X 'FETCH 1:* (FLAGS ENVELOPE)'
  curl -sk --url 'imaps://$imaps/Default/tel:%2B15550101;UID=7;SECTION=2' --user 'alice@example.net:alice-secret' | base64 -di > lake.png
A line of each message, and the picture of one in the size of a phone, without downloading it (docs/convert.md):
  curl -sk --url 'imaps://$imaps/Default/tel:%2B15550101' --user 'alice@example.net:alice-secret' -X 'FETCH 1:* (PREVIEW (LAZY))'
  openssl s_client -quiet -crlf -connect $imaps
      a LOGIN alice@example.net alice-secret
      b EXAMINE Default/tel:+15550101
      c UID CONVERT 7 ("image/jpeg" ("pix-x" "96" "pix-y" "96")) (BODYPARTSTRUCTURE[2] BINARY.SIZE[2])
  $bin/cpmctl --data $data adapt test $here/conversation/lake.png
Two devices of Alice, each in a terminal of its own:
  openssl s_client -quiet -crlf -connect $imaps          the first waits for news
      a LOGIN alice@example.net alice-secret
      b SELECT Default/tel:+15550101 (CONDSTORE)
      c IDLE
  openssl s_client -quiet -crlf -connect $imaps          the second reads; the first hears of it at once
      a LOGIN alice@example.net alice-secret
      b SELECT Default/tel:+15550101
      c UID STORE 9 +FLAGS (\Seen)
      d LOGOUT
  The first again, as a phone that was away: DONE, then what changed since the HIGHESTMODSEQ that it had
      d UID FETCH 1:* (FLAGS) (CHANGEDSINCE 2)
Let the conversation grow while the first device waits:
  (echo recorder-secret; cat) | $bin/cpmctl --data $data deposit --as recorder --password-stdin --for alice@example.net -
      {"type": "chat", "conversation": "conv-7f21", "contribution": "chat-1", "id": "live-1", "from": "tel:+15550101", "to": "tel:+15550100", "direction": "received", "date": "$(date -u +%Y-%m-%dT%H:%M:%SZ)", "text": "Are you there?"}
With a mail client: IMAP server ${imaps%:*}, port ${imaps##*:}, TLS (accept the self-made certificate), or
  mutt -e 'set ssl_verify_host=no' -f 'imaps://alice%40example.net:alice-secret@$imaps/Default/tel:+15550101'
See the conversations as they are, with who received and read what:
  $bin/cpmctl --data $data conversation list alice@example.net
  $bin/cpmctl --data $data conversation show alice@example.net tel:+15550101
  $bin/cpmctl --data $data conversation export alice@example.net tel:+15550101 --format html --to conversation.html
Manage it:
  $bin/cpmctl --data $data user list
  $bin/cpmctl --data $data mailbox tree alice@example.net

Press Ctrl-C to stop.
TXT
wait $server
