#include "imap/session/pieces.h"

#include <gtest/gtest.h>

#include <string>

namespace cpm::imap {
namespace {

std::string shown(const std::vector<UidSet>& pieces) {
  std::string out;
  for (const UidSet& piece : pieces) out += piece.to_string() + ';';
  return out;
}

TEST(Pieces, AreTheWholeSetInOrder) {
  const UidSet set{{1, 3}, {7, 7}, {10, 14}};
  EXPECT_EQ(shown(in_pieces(set, false, 4)), "1:3,7;10:13;14;");
  EXPECT_EQ(shown(in_pieces(set, true, 4)), "11:14;2:3,7,10;1;");
  EXPECT_EQ(shown(in_pieces(set, false, 3)), "1:3;7,10:11;12:14;");
  EXPECT_EQ(shown(in_pieces(set, false, 1)), "1;2;3;7;10;11;12;13;14;");
}

TEST(Pieces, AreOneWhileItIsSmall) {
  const UidSet set{{1, 3}, {7, 7}};
  EXPECT_EQ(shown(in_pieces(set, false, 4)), "1:3,7;");
  EXPECT_EQ(shown(in_pieces(set, true, 4)), "1:3,7;");
  EXPECT_EQ(shown(in_pieces(set)), "1:3,7;");
  EXPECT_EQ(shown(in_pieces({})), ";");
}

}  // namespace
}  // namespace cpm::imap
