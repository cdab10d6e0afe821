#include "imap/mime/sort_keys.h"

#include "imap/mime/message_ids.h"

#include <gtest/gtest.h>

namespace cpm::imap::mime {
namespace {

using Ids = std::vector<std::string>;

TEST(MessageIds, QuotingBlanksAndCommentsDoNotCount) {
  EXPECT_EQ(message_ids("<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>", 9), Ids{"01KF8JCEOCBS0045PS@xxx.yyy.com"});
  EXPECT_EQ(message_ids("<a\t(x <y@z> \\) )b@ c.d >", 9), Ids{"ab@c.d"});
  EXPECT_EQ(message_ids("<\"a\\\"b\"@c>", 9), Ids{"a\"b@c"});
}

TEST(MessageIds, WhatIsNoneIsSkipped) {
  EXPECT_EQ(message_ids("", 9), Ids{});
  EXPECT_EQ(message_ids("a@b", 9), Ids{});
  EXPECT_EQ(message_ids("<a> <@b> <c@> <> <d@e", 9), Ids{});
  EXPECT_EQ(message_ids("x <a <b@c> y<d@e><f@g>", 9), (Ids{"b@c", "d@e", "f@g"}));
  EXPECT_EQ(message_ids("<a@b> <c@d> <e@f>", 2), (Ids{"a@b", "c@d"}));
}

TEST(SortKeys, AreOfTheFirstAddresses) {
  const SortKeys keys = sort_keys(
      "From: =?utf-8?q?Zo=C3=AB?= <zoe@example.net>, b@c\r\nTo: bob@example.net\r\nCc: tel:+1\r\n"
      "Subject: Re: [x] =?iso-8859-1?q?caf=E9?= (fwd)\r\nMessage-ID: <m1@x>\r\n\r\n");
  EXPECT_EQ(keys.subject, "caf\xc3\xa9");
  EXPECT_TRUE(keys.reply_or_forward);
  EXPECT_EQ(keys.from, "zoe");
  EXPECT_EQ(keys.to, "bob");
  EXPECT_EQ(keys.cc, "tel:+1");
  EXPECT_EQ(keys.display_from, "Zo\xc3\xab");
  EXPECT_EQ(keys.display_to, "bob@example.net");
  EXPECT_EQ(keys.message_id, "m1@x");
  EXPECT_EQ(keys.references, Ids{});
  EXPECT_EQ(thread_root(keys), "m1@x");
}

TEST(SortKeys, AnEmptyNameGivesTheAddress) {
  EXPECT_EQ(sort_keys("From: \"\" <a@b>\r\n\r\n").display_from, "a@b");
  EXPECT_EQ(sort_keys("To: tel:+123\r\n\r\n").display_to, "tel:+123");
  EXPECT_EQ(sort_keys("Subject: x\r\n\r\n").display_from, "");
}

TEST(SortKeys, ReferencesOrElseTheFirstOfInReplyTo) {
  EXPECT_EQ(sort_keys("References: <a@b>\r\n <c@d>\r\nIn-Reply-To: <e@f>\r\n\r\n").references, (Ids{"a@b", "c@d"}));
  EXPECT_EQ(sort_keys("References: none\r\nIn-Reply-To: you (x) <e@f> <g@h>\r\n\r\n").references, Ids{"e@f"});
  EXPECT_EQ(thread_root(sort_keys("Message-ID: <z@z>\r\nReferences: <a@b> <c@d>\r\n\r\n")), "a@b");
}

TEST(SortKeys, OfTooManyReferencesTheFirstAndTheLastStay) {
  std::string header = "References:";
  for (int i = 0; i < 20'000; ++i) header += " <" + std::to_string(i) + "@x>";
  const SortKeys keys = sort_keys(header + "\r\n\r\n");
  ASSERT_EQ(keys.references.size(), kMaxReferences);
  EXPECT_EQ(keys.references.front(), "0@x");
  EXPECT_EQ(keys.references[1], "10001@x");
  EXPECT_EQ(keys.references.back(), "19999@x");
}

// RFC 5255 4.6: the example's order is (4) (2) (3) (1), by the comparator and then by octets.
TEST(SortKeys, WhatCannotBeConvertedStandsLast) {
  const auto subject = [](const char* word) { return sort_keys(std::string("Subject: ") + word + "\r\n\r\n").subject; };
  const std::string one = subject("=?utf-8?q?=D0=C0=D0=BD=D0=B4=D1=80=D0=B5=D0=B9?=");
  const std::string two = subject("=?utf-8?q?=D1=81=D0=95=D0=A0=D0=93=D0=95=D0=99?=");
  const std::string three = subject("=?utf-8?q?=D0=92=D0=B0=D1=81=D0=B8=D0=BB=D0=B8=FF=B9?=");
  const std::string four = subject("=?koi8-r?q?=E1=CC=C5=CB=D3=C5=CA?=");
  EXPECT_EQ(four, "\xd0\x90\xd0\xbb\xd0\xb5\xd0\xba\xd1\x81\xd0\xb5\xd0\xb9");
  EXPECT_LT(four, two);
  EXPECT_LT(two, three);
  EXPECT_LT(three, one);
  EXPECT_EQ(subject("=?x-no-such?q?aaa?="),
            "\xff"
            "aaa");
  EXPECT_EQ(subject("Re: =?x-no-such?q?aaa?= (fwd)"),
            "\xff"
            "aaa");
  EXPECT_EQ(subject("raw \xff octet"),
            "\xff"
            "raw \xff octet");
  EXPECT_EQ(subject("=?no word"), "=?no word");
}

TEST(SortKeys, LongTextIsCutBetweenCharacters) {
  std::string subject = "Subject: ";
  for (int i = 0; i < 3000; ++i) subject += "\xc3\xa4";
  const SortKeys keys = sort_keys(subject + "x\r\n\r\n");
  EXPECT_EQ(keys.subject.size(), kMaxSortText);
}

TEST(SortKeys, ComeBackAsTheyWereStored) {
  SortKeys keys;
  EXPECT_EQ(decode_sort_keys(encode(keys)), keys);
  keys.subject = std::string(300, 's');
  keys.reply_or_forward = true;
  keys.from = "f";
  keys.display_to = std::string(1, '\0') + "d";
  keys.message_id = "m";
  keys.references = {"", std::string(20000, 'r'), "q"};
  const std::string octets = encode(keys);
  EXPECT_EQ(decode_sort_keys(octets), keys);
  EXPECT_FALSE(decode_sort_keys(""));
  EXPECT_FALSE(decode_sort_keys("\x02" + octets.substr(1)));
  for (std::size_t cut = 1; cut < 300; ++cut) EXPECT_FALSE(decode_sort_keys(octets.substr(0, cut))) << cut;
  EXPECT_FALSE(decode_sort_keys(std::string("\x01\0\xff\xff\xff\xff\xff\xff", 8)));
}

}  // namespace
}  // namespace cpm::imap::mime
