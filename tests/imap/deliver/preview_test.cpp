#include "imap/deliver/preview.h"

#include "imap/mime/charset.h"
#include "imap/mime/header.h"
#include "imap/mime/part_tree.h"
#include "imap/mime/structure.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace cpm::imap {
namespace {

std::string crlf(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

Preview of(std::string_view message) {
  const std::string octets = crlf(message);
  MemorySource source(octets);
  const Limits limits;
  return make_preview(source, mime::PartMap::from(mime::parse_structure(source, limits)), limits);
}

TEST(PreviewText, QuotationsAndSignaturesAreLeftOut) {
  EXPECT_EQ(plain_preview("Hello\r\n\r\n  there,\tyou\r\n"), "Hello there, you");
  EXPECT_EQ(plain_preview("> old\r\nNew\r\n> old\r\nMore\r\n-- \r\nBob\r\n"), "New More");
  EXPECT_EQ(plain_preview("Yes\r\n\r\nOn Monday Bob wrote:\r\n> really?\r\n"), "Yes");
  EXPECT_EQ(plain_preview("Yes\r\n\r\nOn Monday, at ten,\r\nBob wrote:\r\n\r\n> really?\r\n"), "Yes");
  EXPECT_EQ(plain_preview("On Monday Bob wrote:\r\n> really?\r\nYes\r\n"), "Yes");
  EXPECT_EQ(plain_preview("Yes\r\n-----Original Message-----\r\nFrom: Bob\r\n"), "Yes");
  EXPECT_EQ(plain_preview("Bring:\r\nmilk\r\n"), "Bring: milk") << "no quotation follows";
  EXPECT_EQ(plain_preview("> all\r\n> quoted\r\n"), "> all > quoted") << "rather that than nothing";
  EXPECT_EQ(plain_preview(""), "");
  EXPECT_EQ(plain_preview(std::string_view("a\0b\x01 c\xff", 7)), "a b c\xef\xbf\xbd");
}

TEST(PreviewText, IsAtMost200WholeCharacters) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "ü";
  std::string expected;
  for (int i = 0; i < 200; ++i) expected += "ü";
  EXPECT_EQ(plain_preview(text), expected);
  EXPECT_EQ(html_preview("<p>" + text), expected);
}

TEST(PreviewText, HtmlIsText) {
  EXPECT_EQ(html_preview("<p>Gr&uuml;&szlig;e &amp; K&#252;sse &#x1F600;</p>"), "Grüße & Küsse 😀");
  EXPECT_EQ(html_preview("<head><title>t</title><style>p{a:b}</style></head>x<script>if (a<b) y();</script>z"), "x z");
  EXPECT_EQ(html_preview("a<blockquote>old</blockquote>b<br/>c<!-- > d -->e"), "a b c e");
  EXPECT_EQ(html_preview("<blockquote>all of it</blockquote>"), "all of it");
  EXPECT_EQ(html_preview("<img alt=\"a>b\">x &unknown; &amp y"), "x &unknown; &amp y");
  for (const char* broken :
       {"<", "<p", "a<", "&", "&#", "&#;", "&#99999999999;", "<!--", "<script>", "</", "<style></sty"}) {
    EXPECT_TRUE(mime::valid_in(html_preview(broken), "utf-8")) << broken;
  }
}

TEST(Preview, TheTextOfAMessage) {
  EXPECT_EQ(of("Subject: x\n\nHello\n"), (Preview{"", "Hello", {}}));
  EXPECT_EQ(of("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<b>rich</b>\n--b\n"
               "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: "
               "quoted-printable\n\npl=E4in\n--b--\n"),
            (Preview{"", "pläin", {}}));
  EXPECT_EQ(of("Content-Type: text/html\n\n<p>only &lt;html&gt;</p>\n"), (Preview{"", "only <html>", {}}));
}

TEST(Preview, WordsOfOursForTheRest) {
  const auto part = [](const std::string& fields) { return of(fields + "\n\nxx\n").ours; };
  EXPECT_EQ(part("Content-Type: image/heic"), "Photo");
  EXPECT_EQ(part("Content-Type: video/mp4"), "Video");
  EXPECT_EQ(part("Content-Type: audio/amr"), "Voice message");
  EXPECT_EQ(part("Content-Type: audio/mpeg; name=song.mp3"), "Audio song.mp3");
  EXPECT_EQ(part("Content-Type: text/vcard"), "Contact");
  EXPECT_EQ(part("Content-Type: text/calendar"), "Event");
  EXPECT_EQ(part("Content-Type: application/pdf; name=report.pdf"), "File report.pdf");
  EXPECT_EQ(part("Content-Type: application/octet-stream"), "File");
  EXPECT_EQ(part("Content-Type: application/pkcs7-mime; smime-type=enveloped-data"), "Encrypted message");
  EXPECT_EQ(of("Content-Type: message/rfc822\n\nSubject: inner\n\nx\n"), (Preview{"Forwarded message", "inner", {}}));
  EXPECT_EQ(of("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: image/png\n\nx\n--b\n"
               "Content-Type: application/pdf\n\ny\n--b--\n")
                .ours,
            "2 files");
  EXPECT_EQ(of("Subject: x\n\n"), Preview{});
}

TEST(Preview, TellsWhereTheSoundIs) {
  EXPECT_EQ(of("Content-Type: audio/amr\n\nx\n").sound, std::vector<std::uint32_t>{1});
  EXPECT_EQ(of("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/smil\n\nx\n--b\n"
               "Content-Type: audio/amr\n\ny\n--b--\n")
                .sound,
            std::vector<std::uint32_t>{2});
  EXPECT_TRUE(of("Content-Type: audio/mpeg; name=song.mp3\n\nx\n").sound.empty()) << "it has a name";
}

TEST(Preview, IsStoredInOneText) {
  const Preview preview{"Group chat", "Grüße", {}};
  EXPECT_EQ(decode_preview(encode(preview)), preview);
  EXPECT_EQ(decode_preview(encode(Preview{})), Preview{});
  for (const char* other : {"", "1", "1\nx", "0\n\nx", "2\na\nb"})
    EXPECT_EQ(decode_preview(other), std::nullopt) << other;
}

// The tree from the stored map is that of the octets, as far as previews ask. It adds no charset that nobody named.
TEST(PartTree, IsThatOfTheOctets) {
  const std::string octets = crlf(
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=x; name=\"n\"\n"
      "Content-Disposition: attachment; filename=f\nContent-ID: <a@b>\n\ntext\n--b\nContent-Type: message/rfc822\n\n"
      "Subject: inner\nContent-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: "
      "text/plain; charset=us-ascii\n\none\n--c\nContent-Type: text/html; charset=us-ascii\n\ntwo\n"
      "--c--\n--b--\n");
  MemorySource source(octets);
  const Limits limits;
  const mime::Part parsed = mime::parse_structure(source, limits);
  const mime::Part again = mime::part_tree(mime::PartMap::from(parsed), source, limits);
  const std::function<void(const mime::Part&, const mime::Part&)> compare = [&](const mime::Part& a,
                                                                                const mime::Part& b) {
    EXPECT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.head, b.head);
    EXPECT_EQ(mime::ascii_lower(a.type + "/" + a.subtype), mime::ascii_lower(b.type + "/" + b.subtype));
    EXPECT_EQ(a.parameters, b.parameters);
    EXPECT_EQ(a.disposition, b.disposition);
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.body_begin, b.body_begin);
    EXPECT_EQ(a.body_end, b.body_end);
    EXPECT_EQ(a.encoding, b.encoding);
    ASSERT_EQ(a.children.size(), b.children.size());
    for (std::size_t i = 0; i < a.children.size(); ++i) compare(a.children[i], b.children[i]);
  };
  compare(parsed, again);
}

}  // namespace
}  // namespace cpm::imap
