#include "tests/schema/store_fixture.h"

namespace cpm::schema {
namespace {

class Fetch : public Store {
 protected:
  std::vector<MessageRow> fetch(UidSet uids, std::uint32_t columns, std::uint64_t limit = 1 << 30) {
    return with("INBOX",
                [&](Transaction& tx, const Grant& grant) { return fetch_rows(tx, grant, uids, columns, limit); })
        .value();
  }
  Result<std::string> octets(ContentId content, std::uint64_t offset, std::uint64_t length) {
    return in_transaction([&](Transaction& tx) { return read_octets(tx, alice_.account, content, offset, length); });
  }
};

std::string pattern(std::size_t size) {
  std::string out;
  for (std::size_t i = 0; out.size() < size; ++i) out += std::to_string(i) + '\0';
  out.resize(size);
  return out;
}

TEST_F(Fetch, RowsByUidWithoutTheMissingOnes) {
  append("INBOX", 6);
  store("INBOX", {{3, 3}}, FlagChange::add, {kDeleted, {}});
  expunge_in("INBOX");
  const auto rows = fetch({{2, 4}, {6, 100}}, 0);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].uid, Uid{2});
  EXPECT_EQ(rows[1].uid, Uid{4});
  EXPECT_EQ(rows[2].uid, Uid{6});
  EXPECT_EQ(rows[0].size, 10U);
  EXPECT_TRUE(rows[0].envelope.empty());
  EXPECT_FALSE(rows[0].bytes.has_value());
  EXPECT_GT(rows[0].save_date, rows[0].internal_date);
  EXPECT_TRUE(fetch({}, 0).empty());
}

TEST_F(Fetch, OnlyTheColumnsAskedFor) {
  ASSERT_TRUE(append_messages("INBOX", {new_message("A: b\r\n\r\nc")}).has_value());
  auto rows = fetch({{1, 1}}, kColumnEnvelope | kColumnPartMap);
  EXPECT_EQ(rows[0].envelope, "(envelope)");
  EXPECT_EQ(rows[0].part_map.size(), 5U);
  EXPECT_TRUE(rows[0].body_structure.empty());
  EXPECT_TRUE(rows[0].header.empty());
  EXPECT_EQ(rows[0].header_octets, 8U);
  EXPECT_FALSE(rows[0].bytes.has_value());
  rows = fetch({{1, 1}}, kColumnHeader | kColumnBytes);
  EXPECT_EQ(rows[0].header, "A: b\r\n\r\n");
  EXPECT_EQ(rows[0].bytes, "A: b\r\n\r\nc");
}

TEST_F(Fetch, BytesOnlyUpToTheLimit) {
  ASSERT_TRUE(append_messages("INBOX", {new_message(pattern(100)), new_message(pattern(101))}).has_value());
  for (const std::uint32_t columns : {std::uint32_t{kColumnBytes}, kColumnBytes | kColumnBody}) {
    const auto rows = fetch({{1, 2}}, columns, 100);
    EXPECT_EQ(rows[0].bytes, pattern(100));
    EXPECT_FALSE(rows[1].bytes.has_value());
  }
}

TEST_F(Fetch, ChunksJoinWhateverTheirSize) {
  for (const std::size_t chunk : {1000U, 4096U, 256U * 1024U}) {
    limits_.chunk_octets = chunk;
    const std::string text = pattern(10'500);
    ASSERT_TRUE(append_messages("INBOX", {new_message(text)}).has_value());
    const auto rows = fetch({{1, 100}}, kColumnBytes);
    EXPECT_EQ(rows.back().bytes, text);
    const ContentId content = rows.back().content;
    for (const std::size_t offset : {0U, 1U, 999U, 1000U, 4095U, 10'000U, 10'499U}) {
      for (const std::size_t length : {1U, 2U, 1000U, 1001U, 8192U, 20'000U}) {
        EXPECT_EQ(octets(content, offset, length).value(), text.substr(offset, length))
            << chunk << " " << offset << " " << length;
      }
    }
    EXPECT_EQ(octets(content, 10'500, 5).value(), "");
    EXPECT_EQ(octets(content, 1ULL << 40, 5).value(), "");
    EXPECT_EQ(octets(content, 3, 0).value(), "");
  }
  expect_consistent();
}

TEST_F(Fetch, EmptyAndMissingContent) {
  ASSERT_TRUE(append_messages("INBOX", {new_message("")}).has_value());
  const auto rows = fetch({{1, 1}}, kColumnBytes);
  EXPECT_EQ(rows[0].bytes, "");
  EXPECT_EQ(octets(rows[0].content, 0, 10).value(), "");
  EXPECT_EQ(octets(ContentId{42}, 0, 10).error().failure, Failure::expunged);
}

TEST_F(Fetch, ExpungedBytesCanStillBeRead) {
  append("INBOX", 1, {kDeleted, {}});
  const ContentId content = fetch({{1, 1}}, 0)[0].content;
  expunge_in("INBOX");
  EXPECT_EQ(octets(content, 2, 3).value(), "aaa");
}

TEST_F(Fetch, ContentSourceReadsAnywhere) {
  const std::string text = pattern(1'300'000);
  ASSERT_TRUE(append_messages("INBOX", {new_message(text)}).has_value());
  const ContentId content = fetch({{1, 1}}, 0)[0].content;
  const auto done = in_transaction([&](Transaction& tx) -> Result<bool> {
    ContentSource source(tx, alice_.account, content, text.size());
    EXPECT_EQ(source.size(), text.size());
    std::string all(text.size(), '\0');
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t got = source.read(at, all.data() + at, std::min<std::size_t>(70'000, all.size() - at));
      if (got == 0) break;
      at += got;
    }
    EXPECT_EQ(all, text);
    char one = 0;
    EXPECT_EQ(source.read(5, &one, 1), 1U);
    EXPECT_EQ(one, text[5]);
    EXPECT_EQ(source.read(text.size(), &one, 1), 0U);
    ContentSource gone(tx, alice_.account, ContentId{7}, 10);
    EXPECT_THROW((void)gone.read(0, &one, 1), std::runtime_error);
    return true;
  });
  EXPECT_TRUE(done.has_value());
}

}  // namespace
}  // namespace cpm::schema
