#include "server/deflate.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

namespace cpm::server {
namespace {

std::string compress(Deflater& deflater, std::string_view text, std::size_t block = 1000) {
  deflater.put(text);
  std::string out;
  std::string part(block, '\0');
  while (const std::size_t n = deflater.produce(part.data(), part.size())) out.append(part, 0, n);
  return out;
}

// Everything in `input`, taken in pieces of `piece` octets.
Result<std::string> expand(Inflater& inflater, std::string_view input, std::size_t piece = 777) {
  std::string out;
  std::string part(piece, '\0');
  for (;;) {
    const auto taken = inflater.take(part.data(), part.size());
    if (!taken) return taken.error();
    out.append(part, 0, *taken);
    if (*taken > 0) continue;
    if (input.empty()) return out;
    const std::size_t n = std::min(input.size(), Inflater::kBlock);
    std::memcpy(inflater.space(), input.data(), n);
    inflater.filled(n);
    input.remove_prefix(n);
  }
}

std::string noise(std::size_t length) {
  std::mt19937 random(1);
  std::string text(length, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

TEST(Deflate, GivesBackWhatWasPut) {
  Deflater deflater;
  Inflater inflater;
  const std::string texts[] = {"* OK ready\r\n", std::string(300000, 'a'), noise(100000), "", "x"};
  for (const std::string& text : texts) {
    const auto back = expand(inflater, compress(deflater, text));
    ASSERT_TRUE(back) << back.error().detail;
    EXPECT_EQ(*back, text);  // each put arrives whole: it was flushed
  }
}

TEST(Deflate, WorksWhateverTheBlockSizes) {
  const std::string text = noise(5000) + std::string(5000, 'b');
  for (const std::size_t block : {7, 8, 64, 4096, 100000}) {
    Deflater deflater;
    Inflater inflater;
    const auto back = expand(inflater, compress(deflater, text, block), block - 6);
    ASSERT_TRUE(back) << block;
    EXPECT_EQ(*back, text) << block;
  }
}

TEST(Deflate, RemembersBetweenPuts) {
  Deflater deflater;
  const std::string text = noise(2000);
  const std::size_t first = compress(deflater, text).size();
  EXPECT_LT(compress(deflater, text).size(), first / 10);
}

TEST(Deflate, ThePeerDoesNotNoticeReleasedMemory) {
  Deflater deflater;
  Inflater inflater;
  const std::string text = noise(2000);
  EXPECT_EQ(*expand(inflater, compress(deflater, text)), text);
  deflater.release_memory();
  inflater.release_memory();
  EXPECT_EQ(*expand(inflater, compress(deflater, text)), text);
  deflater.release_memory();
  deflater.release_memory();
  EXPECT_EQ(*expand(inflater, compress(deflater, "end")), "end");
}

TEST(Inflate, TakesNoMoreThanThereIsRoomFor) {
  Deflater deflater;
  const std::string bomb = compress(deflater, std::string(50 << 20, '\0'));
  ASSERT_LT(bomb.size(), 100000U);
  Inflater inflater;
  std::memcpy(inflater.space(), bomb.data(), Inflater::kBlock);
  inflater.filled(Inflater::kBlock);
  char part[100];
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(*inflater.take(part, sizeof part), sizeof part);
}

TEST(Inflate, RefusesWhatIsNotDeflate) {
  Inflater inflater;
  const auto refused = expand(inflater, "\x07garbage that is not compressed");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::bad_syntax);
}

TEST(Inflate, RefusesDataAfterTheEnd) {
  Inflater inflater;
  const std::string ended("\x03\x00", 2);  // a final, empty block
  const auto refused = expand(inflater, ended + "more");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::bad_syntax);
}

}  // namespace
}  // namespace cpm::server
