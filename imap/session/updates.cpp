#include "imap/session/updates.h"

#include "imap/response/responses.h"

namespace cpm::imap {

std::vector<std::string> defined_flags(const Session& session, const schema::KeywordTable& keywords) {
  std::vector<std::string> names;
  for (const schema::FlagName& flag : schema::flag_names()) {
    if (flag.bit == schema::kReadReportSent && !session.read_report_known) continue;
    names.emplace_back(flag.name);
  }
  for (const auto& entry : keywords.entries()) names.push_back(entry.name);
  return names;
}

void tell_changes(Session& session, std::shared_ptr<const Snapshot> latest, const Tell& tell) {
  Selected& selected = *session.selected;
  const View::Changes changes = selected.view.advance(std::move(latest), tell.expunges);
  const Snapshot& now = selected.view.snapshot();
  for (const Msn msn : changes.expunged) session.out << Expunge{msn.value};
  if (changes.grew) {
    session.out << Exists{changes.exists};
    if (!session.enabled.rev2) {
      std::uint32_t recent = 0;
      for (std::size_t i = now.lower_bound(selected.recent_from.value); i < now.size(); ++i) ++recent;
      session.out << Recent{recent};
    }
  }
  if (changes.new_keywords) session.out << FlagsList{defined_flags(session, now.keywords)};
  UidSet told = changes.flags;
  told.merge(tell.echo);
  for (const auto& range : told.ranges()) {
    for (std::size_t i = now.lower_bound(range.first); i < now.size() && now.uids[i] <= range.last; ++i) {
      const schema::MessageFlags flags = now.flags_at(i);
      const bool silent = tell.silent.contains(flags.uid.value) && flags.modseq == tell.silent_modseq;
      if (silent && !session.enabled.condstore) continue;
      FetchFlags response;
      response.msn = selected.view.msn_of(flags.uid).value;
      response.uid = flags.uid.value;
      if (!silent) response.flags = flag_names_for(session, flags, now.keywords);
      if (session.enabled.condstore) response.modseq = flags.modseq.value;
      session.out << response;
    }
  }
}

boost::asio::awaitable<Result<void>> tell_updates(Session& session, Tell tell) {
  if (!session.selected) co_return Result<void>{};
  session.selected->watch->take_dirty();  // before the store is read: what comes later marks again
  const MailboxId mailbox = session.selected->view.snapshot().mailbox.id;
  auto latest =
      co_await session.services.snapshots.latest(session.services.db, session.limits().command_deadline,
                                                 *session.principal, mailbox, session.selected->view.shared());
  if (!latest) co_return latest.error();
  const schema::MailboxRow& now = (*latest)->mailbox;
  const bool claims = !session.selected->read_only && !session.enabled.rev2 && now.recent_from < now.uidnext &&
                      now.uidnext > session.selected->view.snapshot().mailbox.uidnext;
  tell_changes(session, *latest, tell);
  if (claims) {
    // The first session that hears of new messages is the one for which they are \Recent.
    const Uid uidnext = now.uidnext;
    const schema::Principal who = *session.principal;
    auto claim = [who, mailbox, uidnext](schema::Transaction& tx) -> Result<Uid> {
      auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
      if (!grant) return grant.error();
      return schema::claim_recent(tx, *grant, uidnext);
    };
    auto claimed = co_await session.db(std::move(claim), schema::Mode::single);
    static_cast<void>(claimed);  // failing to claim only leaves them \Recent for the next session as well
  }
  co_return Result<void>{};
}

}  // namespace cpm::imap
