#include "imap/mime/header.h"

#include <gtest/gtest.h>

namespace cpm::imap::mime {
namespace {

constexpr std::string_view kBlock =
    "From: alice@example.net\r\n"
    "Subject: one\r\n two\r\n\tthree\r\n"
    "X-Empty:\r\n"
    "to : bob@example.net\r\n"
    "garbage without colon\r\n"
    "From: again@example.net\r\n"
    "\r\n"
    "Body: not a field\r\n";

TEST(HeaderFields, KeepsExactOctetsOfEachField) {
  const auto fields = header_fields(kBlock);
  ASSERT_EQ(fields.size(), 6U);
  EXPECT_EQ(fields[0].name, "From");
  EXPECT_EQ(fields[0].value, " alice@example.net");
  EXPECT_EQ(fields[1].raw, "Subject: one\r\n two\r\n\tthree\r\n");
  EXPECT_EQ(unfold(fields[1].value), "one two\tthree");
  EXPECT_EQ(fields[2].name, "X-Empty");
  EXPECT_EQ(fields[2].value, "");
  EXPECT_EQ(fields[3].name, "to");
  EXPECT_EQ(fields[4].name, "");
  EXPECT_EQ(fields[4].value, "garbage without colon");
}

TEST(HeaderFields, RawOctetsAddUpToTheBlock) {
  std::string all;
  for (const auto& field : header_fields(kBlock)) all += field.raw;
  EXPECT_EQ(all + "\r\n", kBlock.substr(0, all.size() + 2));
}

TEST(HeaderFields, AcceptsBareLfAndMissingEnd) {
  const auto fields = header_fields("A: 1\nB: 2\n 3\nC: 4");
  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(unfold(fields[1].value), "2 3");
  EXPECT_EQ(fields[2].raw, "C: 4");
  EXPECT_TRUE(header_fields("").empty());
  EXPECT_TRUE(header_fields("\r\nA: 1\r\n").empty());
}

TEST(HeaderFields, TakesAnMboxLineForNoField) {
  const auto fields = header_fields("From alice@example.net Mon May  4 08:30:00 2020\r\nFrom : x\r\n\r\n");
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields[0].name, "");
  EXPECT_EQ(fields[1].name, "From");
}

TEST(HeaderFields, BareCrIsContent) {
  const auto fields = header_fields("A: x\ry\r\nB: 2\r\n\r\n");
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields[0].value, " x\ry");
  EXPECT_EQ(unfold(fields[0].value), "xy");
}

TEST(HeaderFind, IgnoresCaseAndTakesTheFirst) {
  const auto field = find_field(kBlock, "FROM");
  ASSERT_TRUE(field);
  EXPECT_EQ(unfold(field->value), "alice@example.net");
  EXPECT_TRUE(find_field(kBlock, "To"));
  EXPECT_FALSE(find_field(kBlock, "Body"));
}

TEST(HeaderSelect, GivesNamedFieldsInTheirOwnOrder) {
  const std::vector<std::string> names = {"TO", "subject", "Missing"};
  EXPECT_EQ(select_fields(kBlock, names, false), "Subject: one\r\n two\r\n\tthree\r\nto : bob@example.net\r\n\r\n");
}

TEST(HeaderSelect, NotGivesEverythingElse) {
  const std::vector<std::string> names = {"from", "subject", "x-empty"};
  EXPECT_EQ(select_fields(kBlock, names, true), "to : bob@example.net\r\ngarbage without colon\r\n\r\n");
}

TEST(HeaderSelect, EndsWithABlankLineAlways) {
  const std::vector<std::string> names = {"A"};
  EXPECT_EQ(select_fields("A: 1", names, false), "A: 1\r\n\r\n");
  EXPECT_EQ(select_fields("B: 1\r\n", names, false), "\r\n");
  EXPECT_EQ(select_fields("", names, true), "\r\n");
}

TEST(HeaderSelect, AnEmptyNameSelectsNothing) {
  const std::vector<std::string> names = {""};
  EXPECT_EQ(select_fields("junk\r\nA: 1\r\n\r\n", names, false), "\r\n");
}

struct WordCase {
  std::string_view raw;
  std::string_view utf8;
};

TEST(EncodedWord, DecodesToUtf8) {
  const WordCase cases[] = {
      {"plain text", "plain text"},
      {"=?utf-8?b?SGVsbG8=?=", "Hello"},
      {"=?UTF-8?Q?caf=C3=A9_au_lait?=", "café au lait"},
      {"=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"},
      // RFC 2047 8
      {"(=?ISO-8859-1?Q?a?=)", "(a)"},
      {"=?ISO-8859-1?Q?a?= b", "a b"},
      {"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
      {"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"},
      {"=?ISO-8859-1?Q?a_b?=", "a b"},
      {"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"},
      // a character split between two words
      {"=?utf-8?b?w6nD?= =?utf-8?b?qQ==?=", "éé"},
      {"=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"},
      {"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"},
      {"=?us-ascii*en?Q?language?=", "language"},
      // unknown charset or encoding, broken words: kept
      {"=?x-none?Q?abc?=", "=?x-none?Q?abc?="},
      {"=?utf-8?x?abc?=", "=?utf-8?x?abc?="},
      {"=?utf-8?q?abc", "=?utf-8?q?abc"},
      {"=?", "=?"},
      {"=?"
       "?q?x?=",
       "=?"
       "?q?x?="},
      {"=?utf-8?q?"
       "?=",
       ""},
      {"a =?utf-8?q?=ZZ?= b", "a =ZZ b"},
      {"caf\xC3\xA9", "café"},
      {"caf\xE9!", "caf\xEF\xBF\xBD!"},
  };
  for (const auto& test : cases) EXPECT_EQ(decode_words(test.raw), test.utf8) << test.raw;
}

struct DateCase {
  std::string_view text;
  std::string_view day;   // as written
  std::string_view time;  // UTC
};

std::string iso_day(std::chrono::sys_days day) {
  const std::chrono::year_month_day ymd(day);
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
                static_cast<unsigned>(ymd.day()));
  return text;
}

std::string iso_time(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[32];
  std::snprintf(text, sizeof text, "T%02d:%02d:%02d", static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return iso_day(day) + text;
}

TEST(HeaderDate, ReadsWhatMailWrites) {
  const DateCase cases[] = {
      {"Mon, 04 May 2020 08:30:00 +0200", "2020-05-04", "2020-05-04T06:30:00"},
      {"Tue,  12 May 2020 09:15:00 +0200 (CEST)", "2020-05-12", "2020-05-12T07:15:00"},
      {"4 May 2020 00:10:00 +0200", "2020-05-04", "2020-05-03T22:10:00"},
      {"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21", "1997-11-21T15:55:06"},
      {"21 Nov 97 09:55:06 GMT", "1997-11-21", "1997-11-21T09:55:06"},
      {"21 Nov 197 09:55 EST", "2097-11-21", "2097-11-21T14:55:00"},
      {"1 Jan 49 00:00:00 Z", "2049-01-01", "2049-01-01T00:00:00"},
      {"1 January 2021 23:59:60 +0000", "2021-01-01", "2021-01-01T23:59:59"},
      {"04-May-2020 08:30:00 -0500", "2020-05-04", "2020-05-04T13:30:00"},
      {"Mon May  4 08:30:00 2020", "2020-05-04", "2020-05-04T08:30:00"},
      {"Mon May  4 08:30:00 PDT 2020", "2020-05-04", "2020-05-04T15:30:00"},
      {"May 4, 2020", "2020-05-04", "2020-05-04T00:00:00"},
      {"2020-05-12T09:15:00+02:00", "2020-05-12", "2020-05-12T07:15:00"},
      {"2020-05-12T09:15:00+0200", "2020-05-12", "2020-05-12T07:15:00"},
      {"2020-05-12T09:15:00.250Z", "2020-05-12", "2020-05-12T09:15:00"},
      {"2020-05-12 09:15 +0100", "2020-05-12", "2020-05-12T08:15:00"},
      {"2020-05-12", "2020-05-12", "2020-05-12T00:00:00"},
      {"4 May 2020 08:30:00 UNKNOWN", "2020-05-04", "2020-05-04T08:30:00"},
      {"29 Feb 2020 12:00:00 +0000", "2020-02-29", "2020-02-29T12:00:00"},
  };
  for (const auto& test : cases) {
    const auto date = parse_date(test.text);
    ASSERT_TRUE(date) << test.text;
    EXPECT_EQ(iso_day(date->day), test.day) << test.text;
    EXPECT_EQ(iso_time(date->time), test.time) << test.text;
  }
}

TEST(HeaderDate, GivesUpOnTheHopeless) {
  for (const auto text : {"", "   ", "yesterday", "lun., 4 mai 2020 08:30:00 +0200", "31 Feb 2020 00:00:00 +0000",
                          "99 May 2020", "May", "4 May", "0000-00-00", "2020-13-01", "(4 May 2020)", "12:30:00"})
    EXPECT_FALSE(parse_date(text)) << text;
}

TEST(HeaderDate, ComesFromTheFirstDateField) {
  const auto date =
      header_date("X: 1\r\nDATE: Mon,\r\n 04 May 2020 08:30:00 +0200\r\nDate: 1 Jan 1999 00:00:00 Z\r\n\r\n");
  ASSERT_TRUE(date);
  EXPECT_EQ(iso_day(date->day), "2020-05-04");
  EXPECT_FALSE(header_date("Subject: x\r\n\r\n"));
}

}  // namespace
}  // namespace cpm::imap::mime
