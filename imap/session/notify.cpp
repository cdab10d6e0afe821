#include "imap/session/notify.h"

#include "base/log.h"
#include "imap/response/responses.h"
#include "imap/session/metadata_news.h"
#include "imap/session/updates.h"
#include "schema/owners.h"

#include <algorithm>
#include <iterator>

namespace cpm::imap {

namespace {

// Whose mailboxes are watched: more owners than nearly anybody has.
constexpr std::size_t kMostOwners = 1000;

// The selected mailbox, when it is of this account.
MailboxId selected_mailbox(const Session& session, AccountId account) {
  if (!session.selected || session.selected->view.snapshot().mailbox.account != account) return MailboxId{};
  return session.selected->view.snapshot().mailbox.id;
}

AccountNames names_of(AccountId account, const std::vector<schema::WatchedMailbox>& mailboxes) {
  AccountNames names;
  names.account = account;
  names.entries.reserve(mailboxes.size());
  for (const schema::WatchedMailbox& one : mailboxes) {
    names.entries.push_back({one.mailbox.id, one.mailbox.path, one.mailbox.use, (one.rights & schema::kRead) != 0});
  }
  std::sort(names.entries.begin(), names.entries.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return names;
}

Error too_many() { return fail(Failure::limit, "Too many mailboxes to watch"); }

void add(News& all, News more) {
  std::move(more.names.begin(), more.names.end(), std::back_inserter(all.names));
  std::move(more.counters.begin(), more.counters.end(), std::back_inserter(all.counters));
}

// The whole account, as it is now.
boost::asio::awaitable<Result<News>> look_at_account(Session& session, Notify& notify, MailboxId selected) {
  auto work = [who = *session.principal, subscriptions = notify.others->needs_subscriptions()](
                  schema::Transaction& tx) { return schema::watch_account(tx, who, subscriptions); };
  auto account = co_await session.db(std::move(work), schema::Mode::reads);
  if (!account) co_return account.error();
  AccountNames names = names_of(session.principal->account, account->mailboxes);
  names.subscriptions = std::move(account->subscriptions);
  auto shared = session.services.snapshots.share(std::move(names));
  co_return notify.others->advance(*account, std::move(shared), notify.own, selected);
}

boost::asio::awaitable<Result<News>> look_at_some(Session& session, Notify& notify, std::vector<MailboxId> mailboxes,
                                                  MailboxId selected) {
  auto work = [who = *session.principal, mailboxes](schema::Transaction& tx) {
    return schema::watch_mailboxes(tx, who, mailboxes);
  };
  auto rows = co_await session.db(std::move(work), schema::Mode::reads);
  if (!rows) co_return rows.error();
  co_return notify.others->advance(mailboxes, *rows, notify.own, selected);
}

// Those that are marked, and those of the account that the session has left.
std::vector<MailboxId> with_left(std::vector<MailboxId> marked, const Notify& notify, AccountId account) {
  for (const schema::MailboxRef& one : notify.left) {
    if (one.account == account) marked.push_back(one.id);
  }
  return marked;
}

// "behave as if a NOTIFY NONE command had just been received" (RFC 5465 5.8).
void overflow(Session& session) {
  session.out << Untagged{"OK", "NOTIFICATIONOVERFLOW", "Too many mailboxes to watch, notifications are off"};
  set_notify(session, std::make_unique<Notify>());
  log::info("imap", "notifications off", {{"session", session.id}});
}

// -- one's own mailboxes

boost::asio::awaitable<Result<News>> look_at_own(Session& session, Notify& notify, bool everything) {
  const ChangeHub::AccountWatch::Dirty dirty = notify.watch->take_dirty();  // before the store is read
  const AccountId account = session.principal->account;
  const MailboxId selected = selected_mailbox(session, account);
  bool all = everything || notify.everything || dirty.everything || dirty.names;
  if (all) notify.all_shares = true;  // who shares something marks the names of whom it is shared with
  std::vector<MailboxId> some = with_left(dirty.mailboxes, notify, account);
  std::sort(some.begin(), some.end());
  some.erase(std::unique(some.begin(), some.end()), some.end());
  // A mailbox that nobody spoke of yet: its name is news too.
  all = all || std::any_of(some.begin(), some.end(), [&](MailboxId id) { return !notify.others->knows(id); });
  std::erase_if(some, [&](MailboxId id) { return id == selected || !notify.others->watches(id); });
  if (!all && some.empty()) co_return News{};
  notify.everything = true;  // until this look is done
  Result<News> news = fail(Failure::not_found, "");
  if (!all) {
    news = co_await look_at_some(session, notify, std::move(some), selected);
  }
  if (all || (!news && news.error().failure == Failure::not_found)) {
    news = co_await look_at_account(session, notify, selected);
  }
  if (!news) co_return news.error();
  notify.everything = false;
  co_return news;
}

// -- what others share

// Who shares something is watched, from before it is looked at. `news`: the client has not heard of those before.
boost::asio::awaitable<Result<void>> find_shares(Session& session, Notify& notify, bool news) {
  if (!notify.others->beyond_own()) {
    notify.all_shares = false;
    co_return Result<void>{};
  }
  auto work = [who = *session.principal](schema::Transaction& tx) {
    return schema::share_owners(tx, who, kMostOwners);
  };
  auto owners = co_await session.db(std::move(work), schema::Mode::reads);
  if (!owners) co_return owners.error();
  for (const AccountId owner : *owners) {
    const auto [at, added] = notify.shares.try_emplace(owner, notify.others->for_share(news));
    if (added) at->second.watch = session.services.hub.watch(owner, session.waker());
  }
  for (auto& [owner, share] : notify.shares) share.everything = true;
  notify.all_shares = false;
  co_return Result<void>{};
}

boost::asio::awaitable<Result<News>> look_at_share(Session& session, Notify& notify, AccountId owner,
                                                   Notify::Share& share) {
  auto work = [who = *session.principal, owner, known = share.list.unseen()](schema::Transaction& tx) {
    return schema::watch_share(tx, who, owner, known);
  };
  auto seen = co_await session.db(std::move(work), schema::Mode::reads);
  if (!seen) co_return seen.error();
  AccountNames names = names_of(owner, seen->mailboxes);
  if (notify.others->names() != nullptr) names.subscriptions = notify.others->names()->subscriptions;
  if (!seen->prefix.empty()) share.list.set_prefix(seen->prefix);
  share.ends = coming(seen->ends);
  auto shared = session.services.snapshots.share(std::move(names));
  const MailboxId selected = selected_mailbox(session, owner);
  co_return share.list.advance({std::move(seen->mailboxes), {}}, std::move(shared), notify.own, selected);
}

boost::asio::awaitable<Result<News>> look_at_some_shared(Session& session, Notify& notify, AccountId owner,
                                                         Notify::Share& share, std::vector<MailboxId> mailboxes) {
  auto work = [who = *session.principal, owner, mailboxes, known = share.list.unseen()](schema::Transaction& tx) {
    return schema::watch_share(tx, who, owner, mailboxes, known);
  };
  auto rows = co_await session.db(std::move(work), schema::Mode::reads);
  if (!rows) co_return rows.error();
  co_return share.list.advance(mailboxes, *rows, notify.own, selected_mailbox(session, owner));
}

// Rights are read with the counters, each time: what is lost is told as gone, and nothing of it afterwards.
boost::asio::awaitable<Result<News>> look_at_one(Session& session, Notify& notify, AccountId owner,
                                                 Notify::Share& share) {
  const ChangeHub::AccountWatch::Dirty dirty = share.watch->take_dirty();
  const bool all = share.everything || dirty.everything || dirty.names || past(share.ends);
  if (past(share.ends)) share.ends.reset();  // one look for it
  std::vector<MailboxId> some = with_left(dirty.mailboxes, notify, owner);
  std::sort(some.begin(), some.end());
  some.erase(std::unique(some.begin(), some.end()), some.end());
  // What the owner does not share is no news; a new share marks the names.
  const MailboxId selected = selected_mailbox(session, owner);
  std::erase_if(some, [&](MailboxId id) { return id == selected || !share.list.watches(id); });
  if (!all && some.empty()) co_return News{};
  share.everything = true;  // until this look is done
  Result<News> news = fail(Failure::not_found, "");
  if (!all) {
    news = co_await look_at_some_shared(session, notify, owner, share, std::move(some));
  }
  if (all || (!news && news.error().failure == Failure::not_found)) {
    news = co_await look_at_share(session, notify, owner, share);
  }
  if (!news) co_return news.error();
  share.everything = false;
  co_return news;
}

// What was found before something failed is in `all`: it is told, as the lists take it for told.
boost::asio::awaitable<Result<void>> look_at_shares(Session& session, Notify& notify, News& all) {
  std::size_t watched = notify.others->size();
  for (auto& [owner, share] : notify.shares) {
    auto news = co_await look_at_one(session, notify, owner, share);
    if (!news) co_return news.error();
    add(all, std::move(*news));
    watched += share.list.size();
  }
  if (watched > session.limits().notify_mailboxes) co_return too_many();
  co_return Result<void>{};
}

// One's own list tells of subscriptions, and does not know mailboxes of others.
void complete_names(const Notify& notify, News& own) {
  for (NameNews& one : own.names) {
    if (one.exists || !schema::leads_elsewhere(one.path)) continue;
    for (const auto& [owner, share] : notify.shares) {
      const AccountNames::Entry* there = share.list.named(one.path);
      if (there == nullptr) continue;
      one.exists = true;
      one.no_access = !there->readable;
      one.has_children.reset();
      break;
    }
  }
}

boost::asio::awaitable<Result<void>> look(Session& session, Notify& notify, bool everything, News& all) {
  auto own = co_await look_at_own(session, notify, everything);
  if (!own) co_return own.error();
  all = std::move(*own);
  if (everything) notify.all_shares = true;
  if (notify.all_shares) {
    auto found = co_await find_shares(session, notify, true);
    if (!found) co_return found;
  }
  News shared;
  auto looked = co_await look_at_shares(session, notify, shared);
  complete_names(notify, all);
  add(all, std::move(shared));
  if (!looked) co_return looked;
  notify.left.clear();
  notify.own = {};
  co_return looked;
}

}  // namespace

boost::asio::awaitable<Result<News>> first_look(Session& session, Notify& notify) {
  auto news = co_await look_at_account(session, notify, selected_mailbox(session, session.principal->account));
  if (!news) co_return news;
  auto found = co_await find_shares(session, notify, false);
  if (!found) co_return found.error();
  auto shared = co_await look_at_shares(session, notify, *news);
  if (!shared) co_return shared.error();
  co_return news;
}

std::chrono::milliseconds until_rights_end(const Session& session, std::chrono::milliseconds most) {
  const auto now = std::chrono::system_clock::now();
  const auto sooner = [&](const std::optional<std::chrono::sys_seconds>& ends) {
    if (!ends) return;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*ends - now);
    most = std::min(most, std::max(left, std::chrono::milliseconds(1)));
  };
  const bool told = !session.notify || session.notify->selected != Notify::Selected::nothing;
  if (session.selected && told) sooner(session.selected->rights_end);
  if (session.notify) {
    for (const auto& [owner, share] : session.notify->shares) sooner(share.ends);
  }
  return most;
}

void set_notify(Session& session, std::unique_ptr<Notify> notify) {
  session.notify = std::move(notify);
  if (session.metadata_news && !session.metadata_news->enabled && !session.notify->metadata) {
    session.metadata_news.reset();
  }
}

void tell_name(Session& session, const NameNews& news) {
  ListData data;
  data.path = news.path;
  data.old_name = news.old_path;
  if (!news.exists) data.attributes.emplace_back("\\NonExistent");
  if (news.no_access) data.attributes.emplace_back("\\NoAccess");
  if (news.subscribed) data.attributes.emplace_back("\\Subscribed");
  if (news.has_children) data.attributes.emplace_back(*news.has_children ? "\\HasChildren" : "\\HasNoChildren");
  if (news.use != schema::SpecialUse::none) data.attributes.emplace_back(schema::special_use_name(news.use));
  session.out << data;
}

void tell_counters(Session& session, const CounterNews& news) {
  const bool condstore = session.enabled.condstore;
  const bool flags = (news.events & kFlagChange) != 0;
  const bool changes = flags || (news.events & kAnnotationChange) != 0;
  if (!news.counts && !(flags && news.unseen) && !(changes && condstore && news.modseq)) return;
  StatusData data;
  data.path = news.mailbox.path;
  if (news.counts) {
    data.items.emplace_back("UIDNEXT", news.mailbox.uidnext.value);
    data.items.emplace_back("MESSAGES", news.mailbox.messages);
  }
  if (news.fresh || (changes && condstore)) data.items.emplace_back("UIDVALIDITY", news.mailbox.uidvalidity.value);
  if (flags && news.unseen) data.items.emplace_back("UNSEEN", news.mailbox.unseen);
  if (condstore) data.items.emplace_back("HIGHESTMODSEQ", news.mailbox.highestmodseq.value);
  session.out << data;
}

bool others_wait(const Session& session) {
  if (!session.notify || !session.notify->watch) return false;
  const auto& shares = session.notify->shares;
  return session.notify->watch->dirty() || std::any_of(shares.begin(), shares.end(), [](const auto& one) {
           return one.second.watch->dirty() || past(one.second.ends);
         });
}

bool news_waits(const Session& session) {
  if (!session.notify) return false;
  const Notify& notify = *session.notify;
  if (others_wait(session) || (notify.watch && !notify.left.empty())) return true;
  if (notify.metadata && session.metadata_news->watch->dirty()) return true;
  return session.selected && notify.selected != Notify::Selected::nothing &&
         (session.selected->watch->dirty() || past(session.selected->rights_end));
}

boost::asio::awaitable<Result<void>> tell_others(Session& session, bool everything) {
  if (!session.notify || !session.notify->others) co_return Result<void>{};
  News news;
  auto looked = co_await look(session, *session.notify, everything, news);
  for (const NameNews& one : news.names) {
    tell_name(session, one);
    auto sent = co_await session.out.relieve();
    if (!sent) co_return sent.error();
  }
  for (const CounterNews& one : news.counters) {
    tell_counters(session, one);
    auto sent = co_await session.out.relieve();
    if (!sent) co_return sent.error();
  }
  if (!looked && looked.error().failure == Failure::limit) {
    overflow(session);
    co_return Result<void>{};
  }
  co_return looked;
}

boost::asio::awaitable<Result<void>> tell_news(Session& session, bool everything) {
  const Notify& notify = *session.notify;
  const bool wanted = session.selected && notify.selected != Notify::Selected::nothing;
  if (wanted &&
      (everything || notify.failed || session.selected->watch->dirty() || past(session.selected->rights_end))) {
    Tell tell;
    tell.expunges = notify.selected == Notify::Selected::immediate;
    auto told = co_await check_access(session, true);
    if (told) {
      told = co_await tell_updates(session, std::move(tell));
    }
    // Without the mailbox of another account there is still the rest to be told.
    if (!told && (!mailbox_lost(session, told.error()) || session.terminated)) co_return told.error();
  }
  auto others = co_await tell_others(session, everything);
  // An overflow may have ended it.
  const bool metadata = session.notify->metadata && (everything || session.metadata_news->watch->dirty());
  if (others && metadata) co_await tell_metadata(session);
  co_return others;
}

}  // namespace cpm::imap
