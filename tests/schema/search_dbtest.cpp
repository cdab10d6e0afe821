#include "schema/search.h"

#include "schema/migrate.h"
#include "tests/schema/store_fixture.h"

namespace cpm::schema {
namespace {

using namespace std::chrono;

class Search : public Store {
 protected:
  void add(std::string header_text, std::string body_text, bool complete = true, std::string octets = "octets") {
    NewMessage message = new_message(std::move(octets));
    message.head.header_text = std::move(header_text);
    message.head.body_text = std::move(body_text);
    message.head.body_text_complete = complete;
    ASSERT_TRUE(append_messages("INBOX", {message}).has_value());
  }
  std::string find(const SearchLeaf& leaf, UidSet candidates = {{1, 1000}}, const FullTextCheck& full = {}) {
    return with("INBOX", [&](Transaction& tx, const Grant& grant) { return match(tx, grant, leaf, candidates, full); })
        .value()
        .to_string();
  }
};

TEST_F(Search, Sizes) {
  for (const std::size_t size : {10U, 20U, 30U}) append("INBOX", 1, {}, size);
  EXPECT_EQ(find(SizeIs{Compare::less, 20}), "1");
  EXPECT_EQ(find(SizeIs{Compare::greater, 20}), "3");
  EXPECT_EQ(find(SizeIs{Compare::equal, 20}), "2");
  EXPECT_EQ(find(SizeIs{Compare::less_equal, 20}), "1:2");
  EXPECT_EQ(find(SizeIs{Compare::greater_equal, 20}), "2:3");
  EXPECT_EQ(find(SizeIs{Compare::greater, ~std::uint64_t{0}}), "");
  EXPECT_EQ(find(SizeIs{Compare::greater, 0}, {{1, 1}, {3, 3}}), "1,3");
  EXPECT_EQ(find(SizeIs{Compare::greater, 0}, {}), "");
}

TEST_F(Search, Dates) {
  const sys_days day{year{2024} / 2 / 29};
  for (const auto time :
       {sys_seconds{day} - 1s, sys_seconds{day}, sys_seconds{day} + 86399s, sys_seconds{day} + 86400s}) {
    NewMessage message = new_message("x");
    message.internal_date = time;
    message.head.sent_date = floor<std::chrono::days>(time);
    ASSERT_TRUE(append_messages("INBOX", {message}).has_value());
  }
  append("INBOX", 1);  // without a Date field
  EXPECT_EQ(find(InternalDateIs{Compare::less, day}), "1,5");
  EXPECT_EQ(find(InternalDateIs{Compare::equal, day}), "2:3");
  EXPECT_EQ(find(InternalDateIs{Compare::greater_equal, day}), "2:4");
  EXPECT_EQ(find(InternalDateIs{Compare::greater, day}), "4");
  EXPECT_EQ(find(InternalTimeIs{Compare::less_equal, sys_seconds{day}}, {{1, 4}}), "1:2");
  EXPECT_EQ(find(InternalTimeIs{Compare::greater, sys_seconds{day}}), "3:4");
  EXPECT_EQ(find(SentDateIs{Compare::less, day}), "1");
  EXPECT_EQ(find(SentDateIs{Compare::equal, day}), "2:3");
  EXPECT_EQ(find(SentDateIs{Compare::greater_equal, sys_days{year{1} / 1 / 1}}), "1:4");
  EXPECT_EQ(find(SaveDateIs{Compare::equal, floor<std::chrono::days>(system_clock::now())}), "1:5");
  EXPECT_EQ(find(SaveDateIs{Compare::less, sys_days{year{2000} / 1 / 1}}), "");
  EXPECT_EQ(find(InternalDateIs{Compare::greater, sys_days{year{30000} / 1 / 1}}), "");
}

TEST_F(Search, FieldsStayOnTheirLine) {
  add("subject:hello world\nfrom:bob@x.y\n", "");
  add("subject:goodbye\nfrom:hello\n", "");
  add("x-subject:hello\nfrom:subject:hello\n", "");
  EXPECT_EQ(find(HeaderHas{"subject", "hello"}), "1");
  EXPECT_EQ(find(HeaderHas{"from", "hello"}), "2:3");
  EXPECT_EQ(find(HeaderHas{"subject", ""}), "1:2");
  EXPECT_EQ(find(HeaderHas{"subject", "lo w"}), "1");
  EXPECT_EQ(find(HeaderHas{"from", "x.y"}), "1");
  EXPECT_EQ(find(HeaderHas{"from", "xay"}), "");
  EXPECT_EQ(find(HeaderHas{"subject", "hello world\nfrom"}), "");
  EXPECT_EQ(find(HeaderHas{"nothing", ""}), "");
}

TEST_F(Search, SpecialCharactersMeanThemselves) {
  add("subject:100% (a_b) [x] \\ ^$ .* {2} a|b +?\n", "100% a_b \\d");
  add("subject:1000 axb x\n", "1000 axb 5");
  for (const char* needle : {"100%", "a_b", "[x]", "\\", "^$", ".*", "{2}", "a|b", "+?", "(a_b)"}) {
    EXPECT_EQ(find(HeaderHas{"subject", needle}), "1") << needle;
    EXPECT_EQ(find(AnyHeaderHas{needle}), "1") << needle;
  }
  EXPECT_EQ(find(BodyHas{"0%"}), "1");
  EXPECT_EQ(find(BodyHas{"a_b"}), "1");
  EXPECT_EQ(find(BodyHas{"\\d"}), "1");
  EXPECT_EQ(find(BodyHas{std::string("a\0b", 3)}), "");
  EXPECT_EQ(find(BodyHas{"\xff"}), "");
}

TEST_F(Search, TextIsHeaderOrBody) {
  add("subject:needle\n", "nothing");
  add("subject:nothing\n", "a needle\nin hay");
  add("subject:nothing\n", "nothing");
  EXPECT_EQ(find(TextHas{"needle"}), "1:2");
  EXPECT_EQ(find(BodyHas{"needle"}), "2");
  EXPECT_EQ(find(AnyHeaderHas{"needle"}), "1");
  EXPECT_EQ(find(TextHas{"needle\nin"}), "2");
  EXPECT_EQ(find(TextHas{""}, {{1, 3}}), "1:3");
  EXPECT_EQ(find(BodyHas{""}, {{1, 3}}), "1:3");
  EXPECT_EQ(find(AnyHeaderHas{""}, {{1, 3}}), "1:3");
}

TEST_F(Search, CutTextIsLookedUpInTheOctets) {
  add("subject:s\n", "begin", false, "begin middle");
  add("subject:s\n", "begin", false, "begin other");
  add("subject:s\n", "begin", true, "begin middle");
  add("subject:middle\n", "begin", false, "begin");
  add("subject:s\n", "middle", false, "middle");
  std::vector<std::string> looked;
  const FullTextCheck full = [&](ByteSource& octets, const std::string& part_map, const std::string& needle, bool) {
    std::string text(octets.size(), '\0');
    EXPECT_EQ(octets.read(0, text.data(), text.size()), text.size());
    EXPECT_EQ(part_map, std::string("map\0\xff", 5));
    looked.push_back(text);
    return text.find(needle) != std::string::npos;
  };
  EXPECT_EQ(find(BodyHas{"middle"}, {{1, 9}}, full), "1,5");
  EXPECT_EQ(looked, (std::vector<std::string>{"begin middle", "begin other", "begin"}));
  looked.clear();
  EXPECT_EQ(find(TextHas{"middle"}, {{1, 9}}, full), "1,4:5");
  EXPECT_EQ(looked.size(), 2U);
}

// migrations/0004: what was stored before names of fields were normalised.
TEST_F(Search, TextOfOldMessagesIsConverted) {
  append("INBOX", 2);
  const std::string account = std::to_string(alice_.account.value);
  test_.execute("update content_head set header_text = E'subject:HELLO: X\\nx-y:\\n:JUNK\\n' where account_id = " +
                account);
  test_.execute("update content_head set body = '((part)' where account_id = " + account +
                " and content_id = (select content_id from message where account_id = " + account + " and uid = 2)");
  test_.execute(migrations().at(3).sql);
  EXPECT_EQ(find(HeaderHas{"SUBJECT", "HELLO: X"}), "1:2");
  EXPECT_EQ(find(HeaderHas{"X-Y", ""}), "1:2");
  EXPECT_EQ(test_.value("select min(header_text) from content_head where account_id = " + account),
            "SUBJECT: HELLO: X\nX-Y: \n: JUNK\n");
  EXPECT_EQ(
      test_.value("select string_agg(t.complete::text, ' ' order by m.uid) from message m join content_text t using"
                  " (account_id, content_id) where account_id = " +
                  account),
      "true false");
}

}  // namespace
}  // namespace cpm::schema
