#include "imap/session/resync.h"

#include "base/log.h"
#include "schema/messages.h"

namespace cpm::imap {

boost::asio::awaitable<Result<UidSet>> vanished_since(Session& session, UidSet among, ModSeq since) {
  const View& view = session.selected->view;
  const Snapshot& snapshot = view.snapshot();
  const schema::Principal who = *session.principal;
  const schema::MailboxRef mailbox = snapshot.mailbox.ref();
  if (since.value == 0) {  // no MODSEQ of a mailbox (RFC 7162 7), but sloppy clients send it: everything is told
    log::info("imap", "resynchronisation from MODSEQ 0", {{"session", session.id}});
  }
  auto work = [who, mailbox, since](schema::Transaction& tx) -> Result<UidSet> {
    auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
    if (!grant) return grant.error();
    return schema::vanished_since(tx, *grant, since);
  };
  auto vanished = co_await session.db(std::move(work), schema::Mode::reads);
  if (!vanished) co_return vanished.error();
  UidSet gone = vanished->intersection(among);
  // What arrived after the picture was taken is not known to the client; what it still sees is told elsewhere.
  if (snapshot.mailbox.uidnext.value > 0) gone.remove(snapshot.mailbox.uidnext.value, UINT32_MAX);
  for (const std::uint32_t ghost : view.ghosts()) gone.remove(ghost, ghost);
  UidSet visible;
  for (const auto& range : gone.ranges()) {
    for (std::size_t i = snapshot.lower_bound(range.first); i < snapshot.size() && snapshot.uids[i] <= range.last;
         ++i) {
      visible.add(snapshot.uids[i]);
    }
  }
  if (!visible.empty()) gone = gone.difference(visible);
  co_return gone;
}

}  // namespace cpm::imap
