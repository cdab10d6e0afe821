#include "imap/grammar/imap_url.h"

#include <gtest/gtest.h>

namespace cpm::imap::grammar {
namespace {

const Limits kLimits;

std::string error_of(std::string_view text) {
  const auto url = parse_imap_url(text, kLimits);
  return url ? "" : url.error().text;
}

std::string respelled(std::string_view text) {
  const auto url = parse_imap_url(text, kLimits);
  return url ? to_string(*url) : "BAD " + url.error().text;
}

TEST(ImapUrl, Mss61ReadsAllThatNamesAPartOfAMessage) {
  const auto url = parse_imap_url(
      "imap://joe%40example.net;AUTH=*@Example.com:1143/Default/tel:%2B1;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2/"
      ";PARTIAL=0.1024;EXPIRE=2027-01-02T03:04:05+01:00;URLAUTH=submit+fred%20x:internal:"
      "91354a473744909de610943775f92038",
      kLimits);
  ASSERT_TRUE(url) << url.error().text;
  EXPECT_TRUE(url->has_scheme);
  ASSERT_TRUE(url->server);
  EXPECT_EQ(url->server->user, "joe@example.net");
  EXPECT_EQ(url->server->mechanism, "*");
  EXPECT_EQ(url->server->host, "example.com");
  EXPECT_EQ(url->server->port, 1143);
  EXPECT_EQ(url->mailbox, "Default/tel:+1");
  EXPECT_EQ(url->uidvalidity, 385759045U);
  EXPECT_EQ(url->uid, 20U);
  EXPECT_EQ(url->section->parts, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(url->partial, (UrlPartial{0, 1024}));
  EXPECT_EQ(url->expire, std::chrono::sys_seconds(std::chrono::seconds(1798855445)));
  EXPECT_EQ(url->access, (UrlAccess{"submit", "fred x"}));
  EXPECT_EQ(url->verifier, (UrlVerifier{"INTERNAL", "91354a473744909de610943775f92038"}));
}

TEST(ImapUrl, Mss8NamesInUtf8) {
  const auto url = parse_imap_url("/%E6%97%A5%E6%9C%AC%2F%E8%AA%9E%3B%20%25/;UID=1", kLimits);
  ASSERT_TRUE(url);
  EXPECT_EQ(url->mailbox, "日本/語; %");
  EXPECT_NE(error_of("/%ff/;UID=1"), "");
  EXPECT_NE(error_of("/a%0db/;UID=1"), "");
  EXPECT_NE(error_of("/日/;UID=1"), "");
  EXPECT_NE(error_of("/a%2/;UID=1"), "");
  EXPECT_NE(error_of("/a%zz/;UID=1"), "");
  EXPECT_NE(error_of("/a%"), "");
}

TEST(ImapUrl, TheExamplesOfTheRfc) {
  for (const char* text : {
           "imap://minbari.example.org/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024",
           "imap://psicorp.example.org/~peter/%E6%97%A5%E6%9C%AC%E8%AA%9E/%E5%8F%B0%E5%8C%97",
           "imap://;AUTH=GSSAPI@minbari.example.org/gray-council/;uid=20/;section=1.2",
           "imap://;AUTH=*@minbari.example.org/gray%20council?SUBJECT%20shadows",
           "imap://john;AUTH=*@minbari.example.org/babylon5/personel?charset%20UTF-8%20SUBJECT%20%7B14+%7D%0D%0A%D0%98",
           "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred:internal:"
           "91354a473744909de610943775f92038",
           "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER",
           "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME",
           ";UID=20",
           "imap://minbari.example.org",
       }) {
    EXPECT_EQ(error_of(text), "") << text;
  }
}

TEST(ImapUrl, RoundTrip) {
  for (const char* text : {
           "/",
           "imap://h/",
           "imap://[::1]:143/a",
           "imap://u;AUTH=%2BX@h/a%2Fb/;UID=1",
           "//u@h/%2Fa/;UID=4294967295/;SECTION=HEADER.FIELDS.NOT%20(%22a%20b%22%20c)",
           "/a%3Fb%3B/;UID=1/;SECTION=1.2.TEXT/;PARTIAL=7",
           "/%2E%2E/%2e/x;UIDVALIDITY=7/;UID=1",
           "/a//b%2F?x%3Dy",
           ";UID=3/;SECTION=TEXT",
           "imap://u@h/INBOX/;UID=1;EXPIRE=2027-12-31T23:59:60.5Z;URLAUTH=user+a%40b:INTERNAL:"
           "00112233445566778899AABBCCDDEEFF",
           "imap://u@h/INBOX/;UID=1;URLAUTH=stream",
       }) {
    const auto once = parse_imap_url(text, kLimits);
    ASSERT_TRUE(once) << text << ": " << once.error().text;
    const auto again = parse_imap_url(to_string(*once), kLimits);
    ASSERT_TRUE(again) << to_string(*once);
    EXPECT_EQ(*once, *again) << text << " and " << to_string(*once);
  }
  EXPECT_EQ(respelled("imap://U@H/a;uidvalidity=1/;uid=2/;section=header;expire=2027-01-01t00:00:00z;urlauth=AUTHUSER"),
            "imap://U@h/a;UIDVALIDITY=1/;UID=2/;SECTION=HEADER;EXPIRE=2027-01-01T00:00:00Z;URLAUTH=authuser");
}

TEST(ImapUrl, RefusesWhatTheGrammarDoesNotAllow) {
  for (const char* text : {
           "",
           " ",
           "x",
           "imap:",
           "imap:/h",
           "imap://",
           "imap:///a",
           "imap://@h/a",
           "imap://u@@h/a",
           "imap://h:x/a",
           "imap://h:70000/a",
           "imap://[x]/a",
           "imap://h?x",
           "imap://u;AUTH=@h/a",
           "imaps://h/a",
           "http://h/a",
           "INBOX/;UID=1",  // relative paths that name a mailbox (7.2)
           "/./a",
           "/a/../b/;UID=1",
           "/..",  // dot-segments
           "//",
           "///a",
           "/;UID=1",
           "/a;UID=1",
           "/a/;UID=0",
           "/a/;UID=01x",
           "/a/;UID=",
           "/a/;UID=4294967296",
           "/a/;UID=-1",
           "/a/;UID=1/",
           "/a/;UID=1;SECTION=1",
           "/a/;UID=1/;SECTION=",
           "/a/;UID=1/;SECTION=MIME",
           "/a/;UID=1/;SECTION=1]",
           "/a/;UID=1/;SECTION=1%20x",
           "/a/;UID=1/;SECTION=%7B1%7D%0D%0Ax",
           "/a/;UID=1/;PARTIAL=",
           "/a/;UID=1/;PARTIAL=1.0",
           "/a/;UID=1/;PARTIAL=9223372036854775808",
           "/a/;UID=1/;PARTIAL=1/;SECTION=1",
           "/a;UIDVALIDITY=0/;UID=1",
           "/a;UIDVALIDITY=1/",
           "/a;UIDVALIDITY=1;UID=1",
           "/a?",
           "/a?x;",
           "/a/;UID=1?x",
           "/a/;UID=1;EXPIRE=",
           "/a/;UID=1;EXPIRE=2027-01-01",
           "/a/;UID=1;EXPIRE=2027-02-30T00:00:00Z",
           "/a/;UID=1;EXPIRE=2027-01-01T24:00:00Z",
           "/a/;UID=1;EXPIRE=2027-01-01T00:00:00",
           "/a/;UID=1;EXPIRE=2027-01-01T00:00:00+0100",
           "/a/;UID=1;EXPIRE=2027-01-01T00:00:00.Z",
           "/a/;UID=1;EXPIRE=2027-01-01T00:00:00Zx",
           "/a/;UID=1;URLAUTH=",
           "/a/;UID=1;URLAUTH=user",
           "/a/;UID=1;URLAUTH=user+",
           "/a/;UID=1;URLAUTH=submit",
           "/a/;UID=1;URLAUTH=anonymous+x",
           "/a/;UID=1;URLAUTH=authuser+x",
           "/a/;UID=1;URLAUTH=x;EXPIRE=1",
           "/a/;UID=1;URLAUTH=authuser:internal",
           "/a/;UID=1;URLAUTH=authuser:internal:",
           "/a/;UID=1;URLAUTH=authuser:internal:0123456789abcdef0123456789abcde",
           "/a/;UID=1;URLAUTH=authuser:internal:0123456789abcdef0123456789abcdeg",
           "/a/;UID=1;URLAUTH=authuser::0123456789abcdef0123456789abcdef",
       }) {
    EXPECT_NE(error_of(text), "") << text;
  }
  EXPECT_NE(error_of(std::string_view("/a\0b/;UID=1", 11)), "");
  EXPECT_NE(error_of("/" + std::string(kMostUrlOctets, 'a')), "");
  EXPECT_NE(error_of("/a/;UID=1/;SECTION=" + std::string(4000, '1')), "");
}

TEST(ImapUrl, AnyOffsetOfTheClock) {
  const auto at = [](const std::string& time) {
    return parse_imap_url("/a/;UID=1;EXPIRE=" + time, kLimits).value().expire.value().time_since_epoch().count();
  };
  EXPECT_EQ(at("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(at("1970-01-01T01:30:00+01:30"), 0);
  EXPECT_EQ(at("1969-12-31T22:30:00-01:30"), 0);
  EXPECT_EQ(at("1970-01-01t00:00:09.999z"), 9);
}

TEST(ImapUrl, Mss62TheRumpIsTheTextBeforeTheToken) {
  const std::string rump = "imap://a@b/c/;UID=1;URLAUTH=user+d";
  const std::string whole = rump + ":internal:00112233445566778899AABBCCDDEEFF";
  EXPECT_EQ(rump_of(whole, parse_imap_url(whole, kLimits).value()), rump);
  EXPECT_EQ(rump_of(rump, parse_imap_url(rump, kLimits).value()), rump);
}

TEST(ImapUrl, CodesAndLogs) {
  EXPECT_EQ(url_for_code("imap://[::1]/a b\"\r\n\\\xff"), "imap://[::1%5D/a%20b%22%0D%0A%5C%FF");
  EXPECT_EQ(url_for_code(""), "%20");
  EXPECT_EQ(without_tokens("x :INTERNAL:00ff y:internal:zz :internal:"), "x :INTERNAL:… y:internal:zz :internal:");
}

}  // namespace
}  // namespace cpm::imap::grammar
