#include "imap/session/updates.h"

#include "imap/commands/fetch_item.h"
#include "imap/response/responses.h"
#include "imap/session/annotation_news.h"
#include "imap/session/contexts.h"
#include "imap/session/metadata_news.h"
#include "imap/session/notify.h"
#include "imap/session/url_message.h"
#include "schema/watch.h"

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

FlagRights flag_rights(const schema::Grant& grant) {
  FlagRights rights;
  if (grant.holds(schema::kKeepSeen)) rights.changeable |= schema::kSeen;
  if (grant.holds(schema::kDeleteMessage)) rights.changeable |= schema::kDeleted;
  rights.keywords = grant.holds(schema::kWrite);
  if (rights.keywords) rights.changeable |= ~(schema::kSeen | schema::kDeleted);
  if (!grant.own()) {  // which a reader has for themself
    rights.changeable &= ~std::uint32_t{schema::kReadReportSent};
    if (grant.holds(schema::kKeepSeen)) rights.changeable |= schema::kReadReportSent;
  }
  return rights;
}

// EXAMINE changes nothing permanently, but says what flags there are: deployed clients cannot parse an empty list. A
// reader who may change none is told so (RFC 4314 5.1.1).
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
  if (names.empty() && selected.rights.changeable != 0) names = defined;
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

namespace {

// What the client is to be told of the selected mailbox (RFC 5465 3.1). MessageNew and MessageExpunge go together.
enum class Scope { all, no_flags, own };

Scope scope_of(const Session& session, const Tell& tell) {
  const Notify* notify = session.notify.get();
  if (notify == nullptr || tell.everything || notify->catch_up) return Scope::all;
  if (notify->selected == Notify::Selected::nothing) return Scope::own;
  return notify->flags ? Scope::all : Scope::no_flags;
}

void tell_expunged(Session& session, const View::Changes& changes) {
  if (session.enabled.qresync || session.enabled.uid_only) {
    if (!changes.expunged_uids.empty()) session.out << Vanished{changes.expunged_uids, false};
  } else {
    for (const Msn msn : changes.expunged) session.out << Expunge{msn.value};
  }
}

void tell_flags(Session& session, const Snapshot& now, std::size_t index, bool silent,
                std::vector<std::string> annotations = {}) {
  Selected& selected = *session.selected;
  const schema::MessageFlags flags = now.flags_at(index);
  FetchFlags response;
  response.msn = selected.view.msn_of(flags.uid).value;
  response.uid = flags.uid.value;
  if (!silent) response.flags = flag_names_for(session, flags, now.keywords);
  if (session.enabled.condstore) {
    response.modseq = flags.modseq.value;
    selected.modseq_said = std::max(selected.modseq_said, flags.modseq);
  }
  response.annotations = std::move(annotations);
  session.out << response;
}

// The client was not asked to hear of flags, but of annotations.
void tell_annotations(Session& session, std::uint32_t uid, std::vector<std::string> annotations) {
  FetchFlags response;
  response.msn = session.selected->view.msn_of(Uid{uid}).value;
  response.uid = uid;
  response.annotations = std::move(annotations);
  session.out << response;
}

// Whether the client knows these flags already: then something else of the message changed.
bool knows_flags(const Selected& selected, const Snapshot& before, const schema::MessageFlags& now) {
  if (const auto told = selected.told.find(now.uid.value); told != selected.told.end()) {
    return told->second.bits == now.bits && told->second.keywords == now.keywords;
  }
  const std::size_t index = before.index_of(now.uid.value);
  if (index == Snapshot::npos || before.modseqs[index] == 0) return false;
  const schema::MessageFlags known = before.flags_at(index);
  return known.bits == now.bits && known.keywords == now.keywords;
}

// Where messages of `uids` stand, in the order in which their flags are told.
std::vector<std::size_t> places_of(const Snapshot& now, const UidSet& uids, const Tell& tell) {
  std::vector<std::size_t> places;
  for (const auto& range : uids.ranges()) {
    for (std::size_t i = now.lower_bound(range.first); i < now.size() && now.uids[i] <= range.last; ++i) {
      places.push_back(i);
    }
  }
  if (tell.descending) std::reverse(places.begin(), places.end());
  return places;
}

// The view moves to `latest`, with what that does to the session's contexts; returns the messages that are new in it.
UidSet tell_changes(Session& session, std::shared_ptr<const Snapshot> latest, const Tell& tell, Scope scope,
                    const ContextNews& news, AnnotationNames annotations) {
  Selected& selected = *session.selected;
  const ModSeq told_before_this = selected.told_up_to;
  tell_gone(session, news);  // with the numbers of before, and though EXPUNGE may have to wait (RFC 5267 4.3.4)
  const std::shared_ptr<const Snapshot> before = selected.view.shared();
  const bool flags_left_out = selected.flags_told_up_to.has_value();  // `before` says more than the client knows
  const View::Changes changes = selected.view.advance(std::move(latest), tell.expunges);
  const Snapshot& now = selected.view.snapshot();
  tell_expunged(session, changes);
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
  if (scope == Scope::all && selected.flags_told_up_to) {  // what was left out before
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (now.modseqs[i] > selected.flags_told_up_to->value && !changes.added.contains(now.uids[i])) {
        told.add(now.uids[i]);
      }
    }
    selected.flags_told_up_to.reset();
  }
  for (const auto& [uid, entries] : annotations) told.add(uid);
  for (const std::size_t i : places_of(now, told, tell)) {
    const std::uint32_t uid = now.uids[i];
    const ModSeq modseq{now.modseqs[i]};
    const auto known = selected.told.find(uid);
    const bool told_before = known != selected.told.end() && known->second.modseq == modseq;
    const auto annotated = annotations.find(uid);
    if (annotated != annotations.end()) {
      if (scope == Scope::no_flags) {
        tell_annotations(session, uid, std::move(annotated->second));
      } else {
        tell_flags(session, now, i, false, std::move(annotated->second));
        continue;
      }
    } else if (!session.enabled.condstore && !flags_left_out && !tell.echo.contains(uid) &&
               knows_flags(selected, *before, now.flags_at(i))) {
      continue;
    }
    if (told_before && !session.enabled.condstore && !tell.echo.contains(uid)) continue;
    const bool silent = tell.silent.contains(uid) && modseq == tell.silent_modseq;
    if (silent && !session.enabled.condstore) continue;
    if (scope == Scope::no_flags && !silent && !tell.echo.contains(uid)) {
      if (!told_before && !selected.flags_told_up_to) selected.flags_told_up_to = told_before_this;
      continue;
    }
    tell_flags(session, now, i, silent);
  }
  tell_removed(session, news);
  selected.told.clear();
  // With an expunge held back nothing newer counts as told.
  if (selected.view.ghosts().empty() && !selected.flags_told_up_to) {
    selected.told_up_to = now.mailbox.highestmodseq;
  }
  selected.annotations_told = now.mailbox.highestmodseq;
  selected.annotations_own.clear();
  return changes.added;
}

// Its client asked for no event: only what the session's commands did is told, and the view else stays as it is.
boost::asio::awaitable<Result<void>> tell_own(Session& session, std::shared_ptr<const Snapshot> now, Tell tell) {
  Selected& selected = *session.selected;
  const Snapshot& latest = *now;
  UidSet gone;
  for (const std::uint32_t uid : tell.removed.numbers()) {
    if (selected.view.snapshot().index_of(uid) != Snapshot::npos && latest.index_of(uid) == Snapshot::npos) {
      gone.add(uid);
    }
  }
  if (!gone.empty() && tell.expunges) {
    schema::ChangeSet without;
    without.mailbox = selected.view.snapshot().mailbox;
    without.vanished = std::move(gone);
    auto next = apply_changes(selected.view.shared(), std::move(without));
    auto news = co_await context_news(session, next);
    if (!news) co_return news.error();
    tell_gone(session, *news);
    tell_expunged(session, selected.view.advance(std::move(next), true));
    tell_removed(session, *news);
    tell_added(session, *news);
  }
  // What is forgotten is only told once more.
  constexpr std::size_t kMostTold = 10000;
  if (selected.told.size() + tell.echo.size() + tell.silent.size() > kMostTold) selected.told.clear();
  for (const std::size_t i : places_of(latest, tell.echo, tell)) {
    if (selected.view.msn_of(Uid{latest.uids[i]}).value == 0) continue;
    tell_flags(session, latest, i, false);
    selected.told.insert_or_assign(latest.uids[i], latest.flags_at(i));
  }
  for (const std::size_t i : places_of(latest, tell.silent, tell)) {
    if (latest.modseqs[i] != tell.silent_modseq.value) continue;
    if (session.enabled.condstore) tell_flags(session, latest, i, true);
    selected.told.insert_or_assign(latest.uids[i], latest.flags_at(i));
  }
  co_return Result<void>{};
}

// The first session that hears of new messages is the one for which they are \Recent (RFC 3501 2.3.2).
// One session of a node claims for all: the others would come too late.
boost::asio::awaitable<void> claim_new(Session& session, const schema::MailboxRow& now) {
  if (session.enabled.rev2 || now.reader || now.recent_from >= now.uidnext) co_return;  // \Recent is the owner's
  Selected& selected = *session.selected;
  if (selected.read_only) {  // sees them, and leaves them \Recent for others
    const Uid from = std::max(now.recent_from, selected.view.snapshot().mailbox.uidnext);
    if (from < now.uidnext) selected.recent.add(from.value, now.uidnext.value - 1);
    co_return;
  }
  SnapshotCache& snapshots = session.services.snapshots;
  if (!snapshots.begin_claim(now.account, now.id, now.uidnext)) co_return;
  auto claim = [who = *session.principal, mailbox = now.ref(),
                uidnext = now.uidnext](schema::Transaction& tx) -> Result<Uid> {
    auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
    if (!grant) return grant.error();
    return schema::claim_recent(tx, *grant, uidnext);
  };
  auto claimed = co_await session.db(std::move(claim), schema::Mode::single);
  // Without an answer they stay \Recent for the next session.
  if (!claimed) snapshots.take_back_claim(now.account, now.id, now.uidnext);
  if (claimed && *claimed < now.uidnext) selected.recent.add(claimed->value, now.uidnext.value - 1);
}

void add_items(FetchItems& items, const FetchItems& more) {
  for (const auto& item : more) {
    const bool known =
        std::any_of(items.begin(), items.end(), [&](const auto& other) { return other->key() == item->key(); });
    if (!known) items.push_back(item);
  }
}

// One FETCH tells of a message all that is asked for (RFC 5465 5.2).
std::vector<Unfetched> combined(const std::vector<Unfetched>& asked, const UidSet& among) {
  std::vector<Unfetched> parts;
  for (const Unfetched& one : asked) {
    UidSet rest = one.uids.intersection(among);
    std::vector<Unfetched> next;
    for (Unfetched& part : parts) {
      UidSet both = part.uids.intersection(rest);
      UidSet other = part.uids.difference(both);
      rest = rest.difference(both);
      if (!other.empty()) next.push_back({std::move(other), part.items});
      if (both.empty()) continue;
      add_items(part.items, one.items);
      next.push_back({std::move(both), std::move(part.items)});
    }
    if (!rest.empty()) next.push_back({std::move(rest), one.items});
    parts = std::move(next);
  }
  return parts;
}

// EXISTS is followed by FETCH with what NOTIFY and contexts ask for, but for messages that the client stored itself
// (RFC 5465 5.2, 7). `asked`: by contexts.
boost::asio::awaitable<Result<void>> fetch_added(Session& session, UidSet added, std::vector<Unfetched> asked) {
  Selected& selected = *session.selected;
  const UidSet wanted = selected.made.empty() ? std::move(added) : added.difference(selected.made);
  selected.made = {};
  const Notify* notify = session.notify.get();
  if (notify != nullptr && notify->fetch_new && notify->selected != Notify::Selected::nothing) {
    asked.insert(asked.begin(), {wanted, *notify->fetch_new});
  }
  std::vector<Unfetched>& unfetched = selected.unfetched;
  for (Unfetched& part : combined(asked, wanted)) {
    const auto same =
        std::find_if(unfetched.begin(), unfetched.end(), [&](const auto& one) { return one.items == part.items; });
    if (same != unfetched.end()) {
      same->uids.merge(part.uids);
    } else {
      unfetched.push_back(std::move(part));
    }
  }
  while (!unfetched.empty()) {
    Unfetched part = unfetched.front();
    auto fetched = co_await fetch_messages(session, std::move(part.items), std::move(part.uids));
    if (session.notify) session.notify->failed = !fetched;
    if (!fetched) co_return fetched;
    unfetched.erase(unfetched.begin());
  }
  co_return Result<void>{};
}

// A view that rests need not wake for a look that finds nothing new.
boost::asio::awaitable<bool> unchanged(Session& session, const Tell& tell) {
  const Selected& selected = *session.selected;
  const bool owing = tell.everything || !tell.echo.empty() || !tell.silent.empty() || !tell.removed.empty() ||
                     !tell.earlier.empty() || !selected.view.ghosts().empty() || !selected.unfetched.empty() ||
                     selected.flags_told_up_to ||
                     (session.notify && (session.notify->catch_up || session.notify->failed));
  if (owing) co_return false;
  const schema::MailboxRow& known = selected.view.snapshot().mailbox;
  auto grant = co_await schema::authorize_at_once(session.services.db, *session.principal, known.ref(), schema::kRead);
  if (!grant || !*grant) co_return false;  // the long way says what is wrong
  co_return (*grant)->mailbox().highestmodseq == known.highestmodseq;
}

}  // namespace

boost::asio::awaitable<Result<void>> wake_view(Session& session) {
  if (!session.selected || !session.selected->view.resting()) co_return Result<void>{};
  const schema::MailboxRef mailbox = session.selected->view.snapshot().mailbox.ref();
  auto latest = co_await session.services.snapshots.latest(session.services.db, session.limits().command_deadline,
                                                           *session.principal, mailbox, nullptr);
  View& view = session.selected->view;
  if (!latest && (latest.error().failure == Failure::not_found || latest.error().failure == Failure::denied)) {
    // Gone, or out of sight: what is in the view stays in it, as it would in one that did not rest.
    auto gone = std::make_shared<Snapshot>();
    gone->mailbox = view.snapshot().mailbox;
    ++gone->mailbox.highestmodseq.value;
    view.wake(gone);
    co_return Result<void>{};
  }
  if (!latest) co_return latest.error();
  view.wake(*latest);
  co_return Result<void>{};
}

bool past(const std::optional<std::chrono::sys_seconds>& moment) {
  return moment && *moment <= std::chrono::system_clock::now();
}

std::optional<std::chrono::sys_seconds> coming(std::optional<std::chrono::sys_seconds> moment) {
  using std::chrono::seconds;
  if (past(moment)) moment = std::chrono::floor<seconds>(std::chrono::system_clock::now()) + seconds(1);
  return moment;
}

boost::asio::awaitable<Result<void>> check_access(Session& session, bool until) {
  if (!session.selected || !session.selected->view.snapshot().mailbox.reader) co_return Result<void>{};
  struct Access {
    FlagRights rights;
    std::optional<std::chrono::sys_seconds> ends;
  };
  auto work = [who = *session.principal, mailbox = session.selected->view.snapshot().mailbox.ref(),
               until](schema::Transaction& tx) -> Result<Access> {
    const auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
    if (!grant) return grant.error();
    Access access{flag_rights(*grant), {}};
    if (until) access.ends = schema::rights_end(tx, who, mailbox);
    return access;
  };
  if (until) session.selected->rights_end.reset();
  auto access = co_await session.db(std::move(work), schema::Mode::reads);
  Result<FlagRights> may = FlagRights{};
  if (access) {
    may = access->rights;
    if (until) session.selected->rights_end = coming(access->ends);
    session.selected->lost = false;
  } else {
    may = access.error();
  }
  const bool lost = !may && (may.error().failure == Failure::not_found || may.error().failure == Failure::denied);
  if (lost) co_return fail(Failure::denied, "This mailbox is not shared with you any more");
  if (!may) co_return may.error();
  if (*may != session.selected->rights) {
    session.selected->rights = *may;
    const schema::KeywordTable& keywords = session.selected->view.snapshot().keywords;
    session.out << FlagsList{defined_flags(session, keywords)};
    session.out << Untagged{"OK", permanent_flags(session, keywords), "Rights were changed"};
  }
  co_return Result<void>{};
}

bool mailbox_lost(Session& session, const Error& error) {
  if (session.selected && session.selected->view.snapshot().mailbox.reader) {
    const bool lost = error.failure == Failure::not_found || error.failure == Failure::denied;
    if (lost && !session.selected->lost && !session.mid_response) {
      session.out << Untagged{"NO", "NOPERM", "This mailbox is not shared with you any more"};
      session.selected->lost = true;
    }
    return lost;
  }
  if (error.failure != Failure::not_found) return false;
  session.terminated = true;
  session.terminate_text = "The selected mailbox was deleted";
  return true;
}

void rest_view(Session& session) {
  // What keeps searches up to date compares pictures.
  if (session.selected && !session.selected->contexts) session.selected->view.rest();
}

boost::asio::awaitable<Result<void>> tell_updates(Session& session, Tell tell) {
  co_await tell_metadata(session);
  if (!session.selected) co_return Result<void>{};
  // A notice without news in it: INTERNAL is all there is (RFC 4467 7, RESETKEY).
  if (session.selected->watch->take_keys_changed() && tells_url_mechanisms(session)) {
    session.out << Untagged{"OK", "URLMECH INTERNAL", "The key of this mailbox was changed"};
  }
  // Before the store is read: what comes later marks again.
  const auto expect =
      session.selected->watch->take_dirty() ? SnapshotCache::Expect::news : SnapshotCache::Expect::nothing;
  if (session.selected->view.resting()) {
    const bool same = co_await unchanged(session, tell);
    if (same) co_return Result<void>{};
    auto awake = co_await wake_view(session);
    if (session.notify) session.notify->failed = !awake;
    if (!awake) co_return awake.error();
  }
  const schema::MailboxRef mailbox = session.selected->view.snapshot().mailbox.ref();
  auto latest =
      co_await session.services.snapshots.latest(session.services.db, session.limits().command_deadline,
                                                 *session.principal, mailbox, session.selected->view.shared(), expect);
  if (session.notify) session.notify->failed = !latest;
  if (!latest) co_return latest.error();
  const Scope scope = scope_of(session, tell);
  if (scope == Scope::own) {
    auto told = co_await tell_own(session, *latest, std::move(tell));
    co_return told;
  }
  co_await claim_new(session, (*latest)->mailbox);
  auto news = co_await context_news(session, *latest);
  if (session.notify) session.notify->failed = !news;
  if (!news) co_return news.error();
  auto annotations = co_await annotation_news(session, **latest);
  if (session.notify) session.notify->failed = !annotations;
  if (!annotations) co_return annotations.error();
  std::vector<Unfetched> asked = asked_for(session, *news);
  UidSet added = tell_changes(session, *latest, tell, scope, *news, std::move(*annotations));
  // The FETCH that UPDATE asks for comes before ADDTO (RFC 5465 7), but with NOTIFY behind it (5.2).
  const bool fetch_first = session.notify == nullptr;
  if (!fetch_first) {
    tell_added(session, *news);
    session.notify->catch_up = false;
  }
  auto fetched = co_await fetch_added(session, std::move(added), std::move(asked));
  if (fetch_first && !session.mid_response) tell_added(session, *news);
  co_return fetched;
}

}  // namespace cpm::imap
