#include "imap/session/metadata_news.h"

#include "base/log.h"
#include "imap/response/responses.h"
#include "imap/session/notify.h"
#include "schema/metadata.h"

#include <limits>

namespace cpm::imap {

namespace {

constexpr std::size_t kEntriesInALine = 30;

bool wanted(const Session& session, const std::string& mailbox) {
  if (session.metadata_news->enabled) return true;
  return session.notify && session.notify->metadata && session.notify->others->wants_metadata(mailbox);
}

// Neighbours of one mailbox share a line.
void write(Session& session, const std::vector<schema::MetadataNewsItem>& items) {
  const auto& own = session.metadata_news->own;
  MetadataNames names;
  const auto flush = [&] {
    if (!names.entries.empty()) session.out << names;
    names.entries.clear();
  };
  for (const schema::MetadataNewsItem& item : items) {
    if (own.contains(item.at.change) || !wanted(session, item.mailbox)) continue;
    if (names.mailbox != item.mailbox || names.entries.size() == kEntriesInALine) flush();
    names.mailbox = item.mailbox;
    names.entries.push_back(item.spelling);
  }
  flush();
}

}  // namespace

boost::asio::awaitable<void> tell_metadata(Session& session) {
  if (!session.metadata_news) co_return;
  MetadataNews& news = *session.metadata_news;
  news.watch->take_dirty();  // before the store is read: what comes later marks again
  const schema::Principal who = *session.principal;
  if (!news.told_up_to) {
    auto work = [who](schema::Transaction& tx) { return schema::newest_metadata_change(tx, who); };
    auto newest = co_await session.db(std::move(work), schema::Mode::reads);
    if (newest) news.told_up_to = *newest;
    co_return;
  }
  schema::MetadataCursor at{*news.told_up_to, std::numeric_limits<std::int32_t>::max(), {}};
  for (bool more = true; more;) {
    auto work = [who, at](schema::Transaction& tx) { return schema::metadata_news(tx, who, at); };
    auto page = co_await session.db(std::move(work), schema::Mode::reads);
    if (!page) {
      log::warn("imap", "no news of annotations", {{"session", session.id}, {"why", page.error().detail}});
      co_return;
    }
    write(session, page->items);
    at = page->end;
    more = page->more && !session.terminated;
    if (more) {
      auto sent = co_await session.out.relieve();
      if (!sent) co_return;
    }
  }
  news.told_up_to = at.change;
  news.own.erase(news.own.begin(), news.own.upper_bound(at.change));
}

}  // namespace cpm::imap
