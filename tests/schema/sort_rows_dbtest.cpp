#include "schema/sort_rows.h"

#include "tests/schema/store_fixture.h"

namespace cpm::schema {
namespace {

using namespace std::chrono;

class SortRowsTest : public Store {
 protected:
  // What is compared of the messages, as text.
  std::vector<std::string> rows(const UidSet& uids, SortColumns columns) {
    auto read = with("INBOX", [&](Transaction& tx, const Grant& grant) { return sort_rows(tx, grant, uids, columns); });
    std::vector<std::string> out;
    for (const SortRow& row : read.value().rows) {
      out.push_back(std::to_string(row.uid.value) + " " + std::to_string(row.size) + " " +
                    std::to_string(row.internal_date) + " " + std::to_string(row.sent) + " " + std::string(row.keys) +
                    "|" + std::string(row.header) + "|" + std::to_string(row.header_octets));
    }
    return out;
  }
  using Rows = std::vector<std::string>;
};

TEST_F(SortRowsTest, GivesWhatIsAskedForByUid) {
  std::vector<NewMessage> messages;
  for (int i = 0; i < 3; ++i) {
    messages.push_back(new_message("A: b\r\n\r\n" + std::string(static_cast<std::size_t>(i), 'x')));
    messages.back().internal_date = sys_seconds{seconds{1000 + i}};
    messages.back().head.sort_keys = std::string("k") + std::to_string(i);
  }
  messages[0].head.sent_at = sys_seconds{seconds{-5}};
  messages[2].head.sent_at = sys_seconds{seconds{77}};
  ASSERT_TRUE(append_messages("INBOX", messages).has_value());
  EXPECT_EQ(rows({{1, 9}}, SortColumns::message), (Rows{"1 8 1000 0 ||0", "2 9 1001 0 ||0", "3 10 1002 0 ||0"}));
  EXPECT_EQ(rows({{3, 3}, {1, 1}}, SortColumns::dates), (Rows{"1 8 1000 -5 ||0", "3 10 1002 77 ||0"}));
  // Without a date of its own the internal date counts.
  EXPECT_EQ(rows({{1, 2}}, SortColumns::keys), (Rows{"1 8 1000 -5 k0||8", "2 9 1001 1001 k1||8"}));
  EXPECT_EQ(rows({}, SortColumns::keys), Rows{});
  EXPECT_EQ(rows({{4, 2'147'483'647}}, SortColumns::keys), Rows{});
}

TEST_F(SortRowsTest, OldMessagesGiveTheirHeader) {
  append_messages("INBOX", {new_message("A: b\r\n\r\nx")}).value();
  const std::string account = std::to_string(alice_.account.value);
  test_.execute("update content_head set sort_keys = null where account_id = " + account);
  EXPECT_EQ(rows({{1, 1}}, SortColumns::keys), (Rows{"1 9 1700000000 1700000000 |A: b\r\n\r\n|8"}));
  EXPECT_EQ(rows({{1, 1}}, SortColumns::message), (Rows{"1 9 1700000000 0 ||0"}));
}

}  // namespace
}  // namespace cpm::schema
