#include "imap/session/notify.h"

#include "base/log.h"
#include "imap/response/responses.h"
#include "imap/session/metadata_news.h"
#include "imap/session/updates.h"

#include <algorithm>

namespace cpm::imap {

namespace {

MailboxId selected_mailbox(const Session& session) {
  return session.selected ? session.selected->view.snapshot().mailbox.id : MailboxId{};
}

// The whole account, as it is now.
boost::asio::awaitable<Result<News>> look_at_account(Session& session, Notify& notify, MailboxId selected) {
  auto work = [who = *session.principal, subscriptions = notify.others->needs_subscriptions()](
                  schema::Transaction& tx) { return schema::watch_account(tx, who, subscriptions); };
  auto account = co_await session.db(std::move(work), schema::Mode::reads);
  if (!account) co_return account.error();
  AccountNames names;
  names.account = session.principal->account;
  names.entries.reserve(account->mailboxes.size());
  for (const schema::WatchedMailbox& one : account->mailboxes) {
    names.entries.push_back({one.mailbox.id, one.mailbox.path, one.mailbox.use, (one.rights & schema::kRead) != 0});
  }
  std::sort(names.entries.begin(), names.entries.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
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

// "behave as if a NOTIFY NONE command had just been received" (RFC 5465 5.8).
void overflow(Session& session) {
  session.out << Untagged{"OK", "NOTIFICATIONOVERFLOW", "Too many mailboxes to watch, notifications are off"};
  set_notify(session, std::make_unique<Notify>());
  log::info("imap", "notifications off", {{"session", session.id}});
}

boost::asio::awaitable<Result<News>> look(Session& session, Notify& notify, bool everything) {
  const ChangeHub::AccountWatch::Dirty dirty = notify.watch->take_dirty();  // before the store is read
  const MailboxId selected = selected_mailbox(session);
  bool all = everything || notify.everything || dirty.everything || dirty.names;
  std::vector<MailboxId> some = dirty.mailboxes;
  some.insert(some.end(), notify.left.begin(), notify.left.end());
  std::sort(some.begin(), some.end());
  some.erase(std::unique(some.begin(), some.end()), some.end());
  // A mailbox that nobody spoke of yet: its name is news too.
  all = all || std::any_of(some.begin(), some.end(), [&](MailboxId id) { return !notify.others->knows(id); });
  std::erase_if(some, [&](MailboxId id) { return id == selected || !notify.others->watches(id); });
  if (!all && some.empty()) {
    notify.left.clear();
    notify.own = {};
    co_return News{};
  }
  notify.everything = true;  // until this look is done
  notify.left.clear();
  Result<News> news = fail(Failure::not_found, "");
  if (!all) {
    news = co_await look_at_some(session, notify, std::move(some), selected);
  }
  if (all || (!news && news.error().failure == Failure::not_found)) {
    news = co_await look_at_account(session, notify, selected);
  }
  if (!news) co_return news.error();
  notify.everything = false;
  notify.own = {};
  co_return news;
}

}  // namespace

boost::asio::awaitable<Result<News>> first_look(Session& session, Notify& notify) {
  auto news = co_await look_at_account(session, notify, selected_mailbox(session));
  co_return news;
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

bool news_waits(const Session& session) {
  if (!session.notify) return false;
  const Notify& notify = *session.notify;
  if (notify.watch && (notify.watch->dirty() || !notify.left.empty())) return true;
  if (notify.metadata && session.metadata_news->watch->dirty()) return true;
  return session.selected && notify.selected != Notify::Selected::nothing && session.selected->watch->dirty();
}

boost::asio::awaitable<Result<void>> tell_others(Session& session, bool everything) {
  if (!session.notify || !session.notify->others) co_return Result<void>{};
  auto news = co_await look(session, *session.notify, everything);
  if (!news && news.error().failure == Failure::limit) {
    overflow(session);
    co_return Result<void>{};
  }
  if (!news) co_return news.error();
  for (const NameNews& one : news->names) {
    tell_name(session, one);
    auto sent = co_await session.out.relieve();
    if (!sent) co_return sent.error();
  }
  for (const CounterNews& one : news->counters) {
    tell_counters(session, one);
    auto sent = co_await session.out.relieve();
    if (!sent) co_return sent.error();
  }
  co_return Result<void>{};
}

boost::asio::awaitable<Result<void>> tell_news(Session& session, bool everything) {
  const Notify& notify = *session.notify;
  const bool wanted = session.selected && notify.selected != Notify::Selected::nothing;
  if (wanted && (everything || notify.failed || session.selected->watch->dirty())) {
    Tell tell;
    tell.expunges = notify.selected == Notify::Selected::immediate;
    auto told = co_await tell_updates(session, std::move(tell));
    if (!told) co_return told.error();
  }
  auto others = co_await tell_others(session, everything);
  // An overflow may have ended it.
  const bool metadata = session.notify->metadata && (everything || session.metadata_news->watch->dirty());
  if (others && metadata) co_await tell_metadata(session);
  co_return others;
}

}  // namespace cpm::imap
