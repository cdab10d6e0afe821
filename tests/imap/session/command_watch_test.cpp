#include "imap/session/command_watch.h"

#include <gtest/gtest.h>

namespace cpm::imap {
namespace {

// RFC 9585 4 and 5: inprogress-tag, inprogress-state.
TEST(InProgressCode, SaysWhatIsKnown) {
  EXPECT_EQ(in_progress_code("a1", {}), "INPROGRESS (\"a1\" NIL NIL)");
  EXPECT_EQ(in_progress_code("a1", {175, 0}), "INPROGRESS (\"a1\" 175 NIL)");
  EXPECT_EQ(in_progress_code("a1", {175, 1000}), "INPROGRESS (\"a1\" 175 1000)");
  EXPECT_EQ(in_progress_code("a1", {0, 1}), "INPROGRESS (\"a1\" 0 1)");
}

TEST(InProgressCode, NamesNoTagThatItCannotHold) {
  EXPECT_EQ(in_progress_code("a]1", {}), "INPROGRESS (NIL NIL NIL)");
  EXPECT_EQ(in_progress_code("", {}), "INPROGRESS (NIL NIL NIL)");
  EXPECT_EQ(in_progress_code("A.1-x", {1, 2}), "INPROGRESS (\"A.1-x\" 1 2)");
}

TEST(InProgressCode, StaysBelowItsGoal) {
  EXPECT_EQ(in_progress_code("a1", {10, 10}), "INPROGRESS (\"a1\" 9 10)");
  EXPECT_EQ(in_progress_code("a1", {12, 10}), "INPROGRESS (\"a1\" 9 10)");
}

}  // namespace
}  // namespace cpm::imap
