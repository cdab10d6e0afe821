#include "schema/search.h"

#include "schema/migrate.h"
#include "schema/text_index.h"
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

TEST_F(Search, ContentsAndThreads) {
  NewMessage message = new_message("one");
  message.head.thread = "<root@example.net>";
  ASSERT_TRUE(append_messages("INBOX", {message}).has_value());
  message.head.thread = "<other@example.net>";
  ASSERT_TRUE(append_messages("INBOX", {message}).has_value());
  message.head.thread = "<root@example.net>";
  ASSERT_TRUE(append_messages("INBOX", {message}).has_value());
  append("INBOX", 1);  // names no thread
  const auto rows = with("INBOX", [&](Transaction& tx, const Grant& grant) {
                      return fetch_rows(tx, grant, {{1, 4}}, kColumnThread, 0);
                    }).value();
  ASSERT_EQ(rows.size(), 4U);
  ASSERT_TRUE(rows[0].thread && rows[1].thread);
  EXPECT_EQ(rows[0].thread, rows[2].thread);
  EXPECT_NE(rows[0].thread, rows[1].thread);
  EXPECT_FALSE(rows[3].thread);
  EXPECT_EQ(find(ThreadIs{*rows[0].thread}), "1,3");
  EXPECT_EQ(find(ThreadIs{*rows[0].thread}, {{2, 4}}), "3");
  EXPECT_EQ(find(ThreadIs{*rows[1].thread}), "2");
  EXPECT_EQ(find(ThreadIs{0}), "");
  EXPECT_EQ(find(ContentIs{rows[1].content}), "2");
  EXPECT_EQ(find(ContentIs{rows[1].content}, {{3, 4}}), "");
  EXPECT_EQ(find(ContentIs{ContentId{1}}), "");
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
    EXPECT_EQ(find(TextHas{needle}), "1") << needle;
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
  EXPECT_EQ(find(TextHas{"needle\nin"}), "2");
  EXPECT_EQ(find(TextHas{""}, {{1, 3}}), "1:3");
  EXPECT_EQ(find(BodyHas{""}, {{1, 3}}), "1:3");
}

TEST_F(Search, CutTextIsLookedUpInTheOctets) {
  add("subject:s\n", "begin", false, "begin middle");
  add("subject:s\n", "begin", false, "begin other");
  add("subject:s\n", "begin", true, "begin middle");
  add("subject:middle\n", "begin", false, "begin");
  add("subject:s\n", "middle", false, "middle");
  std::vector<std::string> looked;
  const FullTextCheck full = [&](ByteSource& octets, const std::string& part_map, const SearchLeaf& leaf) {
    std::string text(octets.size(), '\0');
    EXPECT_EQ(octets.read(0, text.data(), text.size()), text.size());
    EXPECT_EQ(part_map, std::string("map\0\xff", 5));
    looked.push_back(text);
    const auto* body = std::get_if<BodyHas>(&leaf);
    return text.find(body != nullptr ? body->needle : std::get<TextHas>(leaf).needle) != std::string::npos;
  };
  EXPECT_EQ(find(BodyHas{"middle"}, {{1, 9}}, full), "1,5");
  EXPECT_EQ(looked, (std::vector<std::string>{"begin middle", "begin other", "begin"}));
  looked.clear();
  EXPECT_EQ(find(TextHas{"middle"}, {{1, 9}}, full), "1,4:5");
  EXPECT_EQ(looked.size(), 2U);
}

// Another collation is decided by the octets of what the stored text finds.
TEST_F(Search, StricterCollationsLookIntoTheOctets) {
  add("SUBJECT: NEEDLE\n", "NEEDLE", true, "Needle");
  add("SUBJECT: NEEDLE\n", "NEEDLE", true, "needle");
  add("SUBJECT: HAY\n", "HAY", true, "Needle");
  std::size_t looked = 0;
  const FullTextCheck full = [&](ByteSource& octets, const std::string&, const SearchLeaf&) {
    ++looked;
    char first = 0;
    return octets.read(0, &first, 1) == 1 && first == 'N';
  };
  const Stricter strict{Collation::octet, "Needle"};
  EXPECT_EQ(find(BodyHas{"NEEDLE", strict}, {{1, 9}}, full), "1");
  EXPECT_EQ(find(TextHas{"NEEDLE", strict}, {{1, 9}}, full), "1");
  EXPECT_EQ(find(HeaderHas{"SUBJECT", "NEEDLE", strict}, {{1, 9}}, full), "1");
  EXPECT_EQ(looked, 6U);
}

// contents_by_index() leaves only what may match, and all of it.
class Narrowed : public Search {
 protected:
  // What the index leaves, as UIDs; "all" when it does not decide.
  std::string narrowed(const SearchLeaf& leaf) {
    return with("INBOX",
                [&](Transaction& tx, const Grant& grant) -> Result<std::string> {
                  if (!has_index(leaf)) return std::string("all");
                  CPM_TRY(contents, contents_by_index(tx, grant, leaf));
                  if (!contents) return std::string("all");
                  CPM_TRY(placed, placed_contents(tx, grant, Uid{1}));
                  UidSet uids;
                  for (const PlacedContent& one : placed) {
                    if (std::find(contents->begin(), contents->end(), one.content) != contents->end())
                      uids.add(one.uid.value);
                  }
                  return uids.to_string();
                })
        .value();
  }
};

class SearchById : public Narrowed {
 protected:
  void add_id(std::string id, bool exact = true) {
    NewMessage message = new_message("octets");
    message.head.header_text = "MESSAGE-ID: " + upper(id) + "\n";
    message.head.facts.message_id = std::move(id);
    message.head.facts.exact = exact;
    ASSERT_TRUE(append_messages("INBOX", {message}).has_value());
  }
  static std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
  }
};

TEST_F(SearchById, FindsValuesThatHoldTheText) {
  add_id("<abc@x>");
  add_id("<ABC@X>");
  add_id("<xabc@x>y");
  add_id("<abd@x>");
  add_id("<a%c@x>");
  EXPECT_EQ(narrowed(HeaderHas{"MESSAGE-ID", "<ABC@X>", {}}), "1:2");
  EXPECT_EQ(narrowed(HeaderHas{"MESSAGE-ID", "ABC@X>", {}}), "1:3");
  EXPECT_EQ(narrowed(HeaderHas{"MESSAGE-ID", " <ABC@X>", {}}), "1:2") << "the blank before the value";
  EXPECT_EQ(narrowed(HeaderHas{"MESSAGE-ID", "<A%C@X>", {}}), "5");
  EXPECT_EQ(narrowed(HeaderHas{"MESSAGE-ID", "A%C", {}}), "5");
  EXPECT_EQ(narrowed(HeaderHas{"MESSAGE-ID", "NONE", {}}), "");
  EXPECT_EQ(narrowed(HeaderHas{"MESSAGE-ID", "", {}}), "all");
  EXPECT_EQ(narrowed(HeaderHas{"SUBJECT", "X", {}}), "all");
  EXPECT_EQ(narrowed(HeaderHas{"IMDN-MESSAGE-ID", "ABC", {}}), "");
}

TEST_F(SearchById, WhatTheColumnsDoNotSayIsNeverLeftOut) {
  add_id("<abc@x>");
  add_id("", false);
  add_id("<other@x>", false);
  EXPECT_EQ(narrowed(HeaderHas{"MESSAGE-ID", "<ABC@X>", {}}), "1:3");
  EXPECT_EQ(narrowed(HeaderHas{"MESSAGE-ID", "\xc3\x84", {}}), "2:3");
}

TEST_F(SearchById, GivesUpWhenItWouldNotPay) {
  test_.execute(
      "insert into content_head (account_id, content_id, header_octets, envelope, body, body_structure, part_map,"
      " header_text, message_id, ids_exact) select " +
      std::to_string(alice_.account.value) +
      ", -n, 1, '', '', '', '', '', '<' || n || '@longer.example.net>', true"
      " from generate_series(1, 50000) n");
  add_id("<abc@x>");
  EXPECT_EQ(narrowed(HeaderHas{"MESSAGE-ID", "<ABC@X>", {}}), "all") << "50,000 longer ones";
  EXPECT_EQ(narrowed(HeaderHas{"MESSAGE-ID", "<12345@LONGER.EXAMPLE.NET>", {}}), "") << "few longer ones";
}

class SearchByText : public Narrowed {
 protected:
  void SetUp() override {
    Narrowed::SetUp();
    add("SUBJECT: LUNCH AT NOON\n", "PIZZA, 50% OFF");
    add("SUBJECT: PIZZA\n", "LUNCH_BOX");
    add("SUBJECT: NOTHING\n", "ΚΑΛΗΜΕΡΑ");
    add("SUBJECT: CUT\n", "THE BEGINNING", false);
  }
  void TearDown() override {
    ASSERT_TRUE(drop_text_index(test_.database()));
    Narrowed::TearDown();
  }
};

TEST_F(SearchByText, NeedsTheIndex) {
  using State = TextIndex::State;
  EXPECT_EQ(text_index(test_.database()).value().state, State::none);
  EXPECT_EQ(narrowed(BodyHas{"PIZZA", {}}), "all");
  ASSERT_TRUE(create_text_index(test_.database()));
  EXPECT_EQ(text_index(test_.database()).value().state, State::ready);
  EXPECT_GT(text_index(test_.database()).value().octets, 0U);
  EXPECT_EQ(narrowed(BodyHas{"PIZZA", {}}), "1,4");
  ASSERT_TRUE(create_text_index(test_.database())) << "again";
  {
    pqxx::connection superuser(support::superuser_url(test_.value("select current_database()")).value_or(test_.url()));
    pqxx::work work(superuser);
    work.exec("update pg_index set indisvalid = false where indexrelid = 'content_text_trigrams'::regclass");
    work.commit();
  }
  EXPECT_EQ(text_index(test_.database()).value().state, State::incomplete);
  EXPECT_EQ(narrowed(BodyHas{"PIZZA", {}}), "all");
  ASSERT_TRUE(create_text_index(test_.database()));
  EXPECT_EQ(narrowed(BodyHas{"PIZZA", {}}), "1,4");
  ASSERT_TRUE(drop_text_index(test_.database()));
  EXPECT_EQ(narrowed(BodyHas{"PIZZA", {}}), "all");
}

TEST_F(SearchByText, LeavesWhatMayMatch) {
  ASSERT_TRUE(create_text_index(test_.database()));
  EXPECT_EQ(narrowed(TextHas{"PIZZA", {}}), "1:2,4") << "header or body, and what is cut short";
  EXPECT_EQ(narrowed(TextHas{"LUNCH", {}}), "1:2,4");
  EXPECT_EQ(narrowed(HeaderHas{"SUBJECT", "PIZZA", {}}), "2");
  EXPECT_EQ(narrowed(BodyHas{"50% OFF", {}}), "1,4");
  EXPECT_EQ(narrowed(BodyHas{"LUNCH_BOX", {}}), "2,4");
  EXPECT_EQ(narrowed(BodyHas{"LUNCHXBOX", {}}), "4");
  EXPECT_EQ(narrowed(BodyHas{"ΛΗΜΕ", {}}), "3:4");
  EXPECT_EQ(narrowed(TextHas{"CUT\nX", {}}), "4") << "no header holds a line end";
  EXPECT_EQ(narrowed(BodyHas{"PI", {}}), "all") << "too short";
  EXPECT_EQ(narrowed(BodyHas{"A, B", {}}), "all") << "no three letters in a row";
  EXPECT_EQ(find(BodyHas{"PIZZA", {}}), "1");
}

TEST_F(SearchByText, GivesUpWhenItWouldNotPay) {
  ASSERT_TRUE(create_text_index(test_.database()));
  test_.execute("insert into content_text (account_id, content_id, complete, body_text) select " +
                std::to_string(alice_.account.value) + ", -n, true, 'COMMON WORD' from generate_series(1, 5001) n");
  EXPECT_EQ(narrowed(BodyHas{"COMMON", {}}), "all");
  EXPECT_EQ(narrowed(BodyHas{"PIZZA", {}}), "1,4");
}

// migrations/0005: what was stored before.
TEST_F(SearchById, ColumnsOfOldMessagesAreCompared) {
  const std::string exact =
      "select ids_exact from content_head h, message m where h.account_id = m.account_id"
      " and h.content_id = m.content_id and m.account_id = " +
      std::to_string(alice_.account.value) + " and m.uid = ";
  std::string sql;
  for (const Migration& migration : migrations()) {
    if (migration.number == 5) sql = migration.sql;
  }
  const std::size_t begin = sql.find("create function ids_exact_v1");
  const std::size_t end = sql.find("drop function ids_exact_v1");
  ASSERT_NE(begin, std::string::npos);
  const auto old = [&](std::string id, std::string header_text) {
    NewMessage message = new_message("octets");
    message.head.header_text = std::move(header_text);
    message.head.facts.message_id = std::move(id);
    ASSERT_TRUE(append_messages("INBOX", {message}).has_value());
  };
  old("<a@b>", "SUBJECT: X\nMESSAGE-ID: <A@B>\n");
  old("", "X-MESSAGE-ID: <A@B>\n MESSAGE-ID: OF A PART\n");
  old("<a@b>", "MESSAGE-ID: <A@B>\nMESSAGE-ID: <C@D>\n");
  old("", "MESSAGE-ID: \xc3\x84\n");
  old("=?utf-8?q?x?=", "MESSAGE-ID: X\n");
  test_.execute(sql.substr(begin, end - begin) + "drop function ids_exact_v1");
  EXPECT_EQ(test_.value(exact + "1"), "t");
  EXPECT_EQ(test_.value(exact + "2"), "t");
  EXPECT_EQ(test_.value(exact + "3"), "f");
  EXPECT_EQ(test_.value(exact + "4"), "f");
  EXPECT_EQ(test_.value(exact + "5"), "f");
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
