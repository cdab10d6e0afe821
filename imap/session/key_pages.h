// Reading the sort keys of many messages in pages, two at a time, each made into a `Page` on the db thread that reads
// it: Page has add(const schema::SortRow&, const mime::SortKeys&), called by rising UID; if it
// has prepare(tx, grant, user, uids), that is called before.
// Runs on: session strand; pages on db threads.
#pragma once

#include "imap/mime/sort_keys.h"
#include "imap/session/ahead.h"
#include "imap/session/session.h"
#include "schema/sort_rows.h"

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace cpm::imap {

// The sort keys of a row: as stored, or made from the header for messages stored before there were any.
[[nodiscard]] Result<mime::SortKeys> keys_of_row(schema::Transaction& tx, const schema::Grant& grant,
                                                 const schema::SortRow& row);

// `take(const Page&) -> Result<void>` gets the pages by rising UID, on the session strand; an Error ends the reading.
// `empty` is what each page begins as.
template <class Page, class Take>
boost::asio::awaitable<Result<void>> read_key_pages(Session& session, MailboxId mailbox,
                                                    std::vector<std::uint32_t> uids, schema::SortColumns columns,
                                                    Page empty, Take take) {
  constexpr std::size_t kPage = 2500;
  constexpr std::size_t kUnderWay = 2;
  Ahead<std::shared_ptr<const Page>> ahead(session.stream->executor());
  for (std::size_t begin = 0; begin < uids.size() || ahead.size() > 0;) {
    for (; begin < uids.size() && ahead.size() < kUnderWay; begin += kPage) {
      UidSet some;
      for (std::size_t i = begin; i < std::min(uids.size(), begin + kPage); ++i) some.add(uids[i]);
      auto work = [who = *session.principal, mailbox, some = std::move(some), columns,
                   empty](schema::Transaction& tx) -> Result<std::shared_ptr<const Page>> {
        auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
        if (!grant) return grant.error();
        CPM_TRY(rows, schema::sort_rows(tx, *grant, some, columns));
        auto page = std::make_shared<Page>(empty);
        if constexpr (requires { page->prepare(tx, *grant, who.account, some); }) {
          CPM_CHECK(page->prepare(tx, *grant, who.account, some));
        }
        for (const schema::SortRow& row : rows.rows) {
          mime::SortKeys keys;
          if (columns == schema::SortColumns::keys) {
            CPM_TRY(read, keys_of_row(tx, *grant, row));
            keys = std::move(read);
          }
          page->add(row, keys);
        }
        return std::shared_ptr<const Page>(std::move(page));
      };
      ahead.start(session.db(std::move(work), schema::Mode::reads));
    }
    auto page = co_await ahead.take();
    if (!page) co_return page.error();
    Result<void> taken = take(**page);
    if (!taken) co_return taken.error();
    if (session.terminated) co_return being_ended();
  }
  co_return Result<void>{};
}

}  // namespace cpm::imap
