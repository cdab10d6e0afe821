#include "imap/session/updates.h"

#include "imap/response/responses.h"
#include "imap/session/contexts.h"
#include "imap/session/metadata_news.h"

#include <algorithm>

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

// Never an empty list: deployed clients cannot parse one. EXAMINE changes nothing permanently, but says what flags
// there are.
std::string permanent_flags(const Session& session, const schema::KeywordTable& keywords) {
  const Selected& selected = *session.selected;
  const std::vector<std::string> defined = defined_flags(session, keywords);
  std::vector<std::string> names;
  for (const std::string& name : defined) {
    const std::uint32_t bit = schema::flag_bit(name);
    const bool may = bit != 0 ? (selected.rights.changeable & bit) != 0 : selected.rights.keywords;
    if (selected.read_only || may) names.push_back(name);
  }
  const bool room = keywords.entries().size() < session.limits().keywords_per_mailbox;
  if (!selected.read_only && selected.rights.keywords && room) names.emplace_back("\\*");
  if (names.empty()) names = defined;
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : " ") + name;
  return "PERMANENTFLAGS (" + out + ")";
}

std::uint32_t recent_count(const Selected& selected) {
  const Snapshot& now = selected.view.snapshot();
  std::size_t count = 0;
  for (const auto& range : selected.recent.ranges()) {
    count += now.lower_bound(range.last + 1) - now.lower_bound(range.first);
  }
  return static_cast<std::uint32_t>(count);
}

void tell_changes(Session& session, std::shared_ptr<const Snapshot> latest, const Tell& tell, const ContextNews& news) {
  Selected& selected = *session.selected;
  tell_removed(session, news);  // with the numbers of before, and though EXPUNGE may have to wait (RFC 5267 4.3.4)
  const View::Changes changes = selected.view.advance(std::move(latest), tell.expunges);
  const Snapshot& now = selected.view.snapshot();
  if (session.enabled.qresync || session.enabled.uid_only) {
    if (!changes.expunged_uids.empty()) session.out << Vanished{changes.expunged_uids, false};
  } else {
    for (const Msn msn : changes.expunged) session.out << Expunge{msn.value};
  }
  if (changes.grew) {
    session.out << Exists{changes.exists};
    if (!session.enabled.rev2) {
      session.out << Recent{recent_count(selected)};
    }
  }
  if (changes.new_keywords) {
    session.out << FlagsList{defined_flags(session, now.keywords)};
    // No further keyword can be made: "\*" must go (RFC 9051 7.1).
    if (now.keywords.entries().size() >= session.limits().keywords_per_mailbox && !selected.read_only) {
      session.out << Untagged{"OK", permanent_flags(session, now.keywords), "No more keywords"};
    }
  }
  session.out << Vanished{tell.earlier, true};
  UidSet told = changes.flags;
  told.merge(tell.echo);
  std::vector<std::size_t> places;
  for (const auto& range : told.ranges()) {
    for (std::size_t i = now.lower_bound(range.first); i < now.size() && now.uids[i] <= range.last; ++i) {
      places.push_back(i);
    }
  }
  if (tell.descending) std::reverse(places.begin(), places.end());
  for (const std::size_t i : places) {
    const schema::MessageFlags flags = now.flags_at(i);
    const auto known = selected.told.find(flags.uid.value);
    const bool told_before = known != selected.told.end() && known->second.modseq == flags.modseq;
    if (told_before && !session.enabled.condstore && !tell.echo.contains(flags.uid.value)) continue;
    const bool silent = tell.silent.contains(flags.uid.value) && flags.modseq == tell.silent_modseq;
    if (silent && !session.enabled.condstore) continue;
    FetchFlags response;
    response.msn = selected.view.msn_of(flags.uid).value;
    response.uid = flags.uid.value;
    if (!silent) response.flags = flag_names_for(session, flags, now.keywords);
    if (session.enabled.condstore) {
      response.modseq = flags.modseq.value;
      selected.modseq_said = std::max(selected.modseq_said, flags.modseq);
    }
    session.out << response;
  }
  tell_added(session, news);
  selected.told.clear();
  // With an expunge held back nothing newer counts as told.
  if (selected.view.ghosts().empty()) selected.told_up_to = now.mailbox.highestmodseq;
}

// The first session that hears of new messages is the one for which they are \Recent (RFC 3501 2.3.2).
boost::asio::awaitable<void> claim_new(Session& session, const schema::MailboxRow& now) {
  if (session.enabled.rev2 || now.recent_from >= now.uidnext) co_return;
  Selected& selected = *session.selected;
  if (selected.read_only) {  // sees them, and leaves them \Recent for others
    const Uid from = std::max(now.recent_from, selected.view.snapshot().mailbox.uidnext);
    if (from < now.uidnext) selected.recent.add(from.value, now.uidnext.value - 1);
    co_return;
  }
  auto claim = [who = *session.principal, mailbox = now.id,
                uidnext = now.uidnext](schema::Transaction& tx) -> Result<Uid> {
    auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
    if (!grant) return grant.error();
    return schema::claim_recent(tx, *grant, uidnext);
  };
  auto claimed = co_await session.db(std::move(claim), schema::Mode::single);
  // Without an answer they stay \Recent for the next session.
  if (claimed && *claimed < now.uidnext) selected.recent.add(claimed->value, now.uidnext.value - 1);
}

boost::asio::awaitable<Result<void>> tell_updates(Session& session, Tell tell) {
  co_await tell_metadata(session);
  if (!session.selected) co_return Result<void>{};
  session.selected->watch->take_dirty();  // before the store is read: what comes later marks again
  const MailboxId mailbox = session.selected->view.snapshot().mailbox.id;
  auto latest =
      co_await session.services.snapshots.latest(session.services.db, session.limits().command_deadline,
                                                 *session.principal, mailbox, session.selected->view.shared());
  if (!latest) co_return latest.error();
  co_await claim_new(session, (*latest)->mailbox);
  auto news = co_await context_news(session, *latest);
  if (!news) co_return news.error();
  tell_changes(session, *latest, tell, *news);
  co_return Result<void>{};
}

}  // namespace cpm::imap
