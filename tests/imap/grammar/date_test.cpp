#include "imap/grammar/date.h"

#include "tests/imap/wire/reader_support.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace cpm::imap::grammar {
namespace {

using namespace std::chrono_literals;
using wire::bad_text;
using wire::TestLexer;

std::chrono::sys_days date(std::string_view text) {
  TestLexer lexer(text);
  const auto day = parse_date(*lexer);
  lexer->end();
  return day;
}

std::chrono::sys_seconds date_time(std::string_view text) {
  TestLexer lexer(text);
  const auto time = parse_date_time(*lexer);
  lexer->end();
  return time;
}

TEST(Date, IsQuotedOrNot) {
  EXPECT_EQ(date("1-Feb-1994"), std::chrono::sys_days{1994y / 2 / 1});
  EXPECT_EQ(date("\"1-Feb-1994\""), std::chrono::sys_days{1994y / 2 / 1});
  EXPECT_EQ(date("01-feb-1994"), std::chrono::sys_days{1994y / 2 / 1});
  EXPECT_EQ(date("31-DEC-9999"), std::chrono::sys_days{9999y / 12 / 31});
}

TEST(Date, KnowsLeapYears) {
  EXPECT_EQ(date("29-Feb-2020"), std::chrono::sys_days{2020y / 2 / 29});
  EXPECT_EQ(date("29-Feb-2000"), std::chrono::sys_days{2000y / 2 / 29});
  for (const char* text : {"29-Feb-2019", "29-Feb-1900", "30-Feb-2020", "31-Apr-2020", "0-Jan-2020", "32-Jan-2020"}) {
    EXPECT_EQ(bad_text([&] { (void)date(text); }), "No such date") << text;
  }
}

TEST(Date, RefusesOtherForms) {
  for (const char* text : {"1-Foo-2020", "1-February-2020", "1-2-2020", "2020-02-01", "1-Feb-20", "1-Feb-20200",
                           "001-Feb-2020", "1-Feb-2020x", "-1-Feb-2020", "1 Feb 2020", "1-Feb-", "1-", "1-F", "x",
                           "\" 1-Feb-2020\"", "\"1-Feb-2020", "1-Jan-0000"}) {
    EXPECT_NE(bad_text([&] { (void)date(text); }), "") << text;
  }
}

TEST(DateTime, CountsTheZone) {
  const std::chrono::sys_seconds utc = std::chrono::sys_days{1996y / 7 / 17} + 9h + 44min + 25s;
  EXPECT_EQ(date_time("\"17-Jul-1996 02:44:25 -0700\""), utc);
  EXPECT_EQ(date_time("\"17-Jul-1996 09:44:25 +0000\""), utc);
  EXPECT_EQ(date_time("\"17-Jul-1996 09:44:25 -0000\""), utc);
  EXPECT_EQ(date_time("\"17-Jul-1996 15:14:25 +0530\""), utc);
  EXPECT_EQ(date_time("\" 1-Jan-1970 00:00:00 +0000\""), std::chrono::sys_seconds{});
  EXPECT_EQ(date_time("\"01-Jan-1970 00:00:00 +0100\""), std::chrono::sys_seconds{-3600s});
  EXPECT_EQ(date_time("\"31-Dec-2016 23:59:60 +0000\""),
            std::chrono::sys_seconds{std::chrono::sys_days{2017y / 1 / 1}});
}

TEST(DateTime, KeepsItsRanges) {
  for (const char* text : {"\"1-Jan-1970 00:00:00 +0000\"",
                           "\" 1-Jan-1970 0:00:00 +0000\"",
                           "\" 1-Jan-1970 24:00:00 +0000\"",
                           "\" 1-Jan-1970 00:60:00 +0000\"",
                           "\" 1-Jan-1970 00:00:61 +0000\"",
                           "\" 1-Jan-1970 00:00:00 +0060\"",
                           "\" 1-Jan-1970 00:00:00 +2400\"",
                           "\" 1-Jan-1970 00:00:00 0000\"",
                           "\" 1-Jan-1970 00:00:00 GMT\"",
                           "\" 1-Jan-1970 00:00:00\"",
                           "\" 1-Jan-1970 00:00:00 +00000\"",
                           "\" 1-Jan-1970  00:00:00 +0000\"",
                           "\" 29-Feb-2020 00:00:00 +0000\"",
                           "\"29-Feb-2019 00:00:00 +0000\"",
                           "\" 0-Jan-1970 00:00:00 +0000\"",
                           " 1-Jan-1970 00:00:00 +0000",
                           "\"\"",
                           "\"",
                           "{26}\r\n 1-Jan-1970 00:00:00 +0000",
                           "NIL",
                           "\"31-Dec-9999 23:59:59 -0001\"",
                           "\" 1-Jan-0001 00:00:00 +0001\"",
                           "\"31-Dec-0000 23:59:00 -0100\""}) {
    EXPECT_NE(bad_text([&] { (void)date_time(text); }), "") << text;
  }
}

TEST(DateTime, FormatComesBack) {
  for (const std::chrono::sys_seconds time :
       {std::chrono::sys_seconds{}, std::chrono::sys_seconds{-1s}, std::chrono::sys_seconds{1588581000s},
        std::chrono::sys_seconds{4102444799s}, std::chrono::sys_seconds{std::chrono::sys_days{1y / 1 / 1}},
        std::chrono::sys_seconds{std::chrono::sys_days{2000y / 2 / 29} + 1s},
        std::chrono::sys_seconds{std::chrono::sys_days{9999y / 12 / 31} + 23h + 59min + 59s}}) {
    const std::string text = format_date_time(time);
    EXPECT_EQ(text.size(), 26U) << text;
    EXPECT_EQ(date_time('"' + text + '"'), time) << text;
  }
  EXPECT_EQ(format_date_time(std::chrono::sys_seconds{1588581000s}), " 4-May-2020 08:30:00 +0000");
}

TEST(DateTime, FormatStaysWithinFourDigitYears) {
  EXPECT_EQ(format_date_time(std::chrono::sys_seconds{std::chrono::sys_days{12000y / 1 / 1}}),
            "31-Dec-9999 23:59:59 +0000");
  EXPECT_EQ(format_date_time(std::chrono::sys_seconds::min()), " 1-Jan-0001 00:00:00 +0000");
  EXPECT_EQ(format_date_time(std::chrono::sys_seconds::max()), "31-Dec-9999 23:59:59 +0000");
}

}  // namespace
}  // namespace cpm::imap::grammar
