#include "imap/mime/structure.h"

#include "tests/imap/mime/sample.h"

#include <gtest/gtest.h>

namespace cpm::imap::mime::test {
namespace {

// "multipart/mixed(text/plain message/rfc822(text/plain))"
std::string shape(const Part& part) {
  std::string out = part.type + "/" + part.subtype;
  if (part.children.empty()) return out;
  out += '(';
  for (std::size_t i = 0; i < part.children.size(); ++i) out += (i == 0 ? "" : " ") + shape(part.children[i]);
  return out + ')';
}

TEST(Structure, OfASimpleMessage) {
  const std::string text = crlf("From: a@x\nSubject: s\n\none\ntwo\n");
  const Part part = parse(text);
  EXPECT_EQ(shape(part), "text/plain");
  EXPECT_EQ(part.parameters, (Parameters{{"charset", "us-ascii"}}));
  EXPECT_EQ(header_of(text, part), "From: a@x\r\nSubject: s\r\n\r\n");
  EXPECT_EQ(body_of(text, part), "one\r\ntwo\r\n");
  EXPECT_EQ(part.lines, 2U);
  EXPECT_TRUE(part.head);
  ASSERT_TRUE(part.envelope);
  EXPECT_EQ(part.envelope->subject, "s");
  EXPECT_EQ(part.transfer_encoding, "7BIT");
}

TEST(Structure, OfTheRfc3501Example) {
  const std::string text = rfc3501_example();
  const Part part = parse(text);
  EXPECT_EQ(shape(part),
            "multipart/mixed(text/plain application/octet-stream "
            "message/rfc822(multipart/mixed(text/plain application/octet-stream)) "
            "multipart/mixed(image/gif message/rfc822(multipart/mixed(text/plain "
            "multipart/alternative(text/plain text/richtext)))))");
  EXPECT_EQ(body_of(text, part.children[0]), "body 1");
  EXPECT_EQ(part.children[0].lines, 0U);
  EXPECT_EQ(part.children[1].encoding, Encoding::base64);
  const Part& third = part.children[2];
  EXPECT_EQ(third.lines, 11U);
  EXPECT_TRUE(third.children[0].head);
  EXPECT_EQ(third.children[0].envelope->subject, "third");
  EXPECT_EQ(third.children[0].header_begin, third.body_begin);
  EXPECT_EQ(third.children[0].body_end, third.body_end);
  EXPECT_EQ(part.children[3].children[0].id, "<gif@example.net>");
  EXPECT_FALSE(part.children[3].envelope);
}

struct Case {
  const char* what;
  std::string_view text;  // LF
  std::string_view shape;
  std::string_view first_body;  // of the first leaf, LF
};

TEST(Structure, OfOddAndBrokenMessages) {
  const Case cases[] = {
      {"empty", "", "text/plain", ""},
      {"only a blank line", "\n", "text/plain", ""},
      {"header only", "A: 1\nB: 2\n", "text/plain", ""},
      {"no line end at all", "A: 1", "text/plain", ""},
      {"body without line end", "A: 1\n\nHello", "text/plain", "Hello"},
      {"begins with its body", "\nHello\n", "text/plain", "Hello\n"},
      {"multipart without boundary", "Content-Type: multipart/mixed\n\n--\nx\n", "text/plain", "--\nx\n"},
      {"multipart without parts", "Content-Type: multipart/mixed; boundary=b\n\nnothing here\n", "text/plain",
       "nothing here\n"},
      {"multipart that only ends", "Content-Type: multipart/mixed; boundary=b\n\n--b--\n", "text/plain", "--b--\n"},
      {"multipart with a header only", "Content-Type: multipart/mixed; boundary=b\n", "text/plain", ""},
      {"one part", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHello\n--b--\n", "multipart/mixed(text/plain)",
       "Hello"},
      {"truncated", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHello\n", "multipart/mixed(text/plain)",
       "Hello\n"},
      {"truncated in a part header", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: image/png\n",
       "multipart/mixed(image/png)", ""},
      {"truncated at a boundary", "Content-Type: multipart/mixed; boundary=b\n\n--b", "multipart/mixed(text/plain)",
       ""},
      {"last boundary without line end", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHello\n--b--",
       "multipart/mixed(text/plain)", "Hello"},
      {"empty part", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b\n\nx\n--b--\n",
       "multipart/mixed(text/plain text/plain)", ""},
      {"part without anything", "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b--\n",
       "multipart/mixed(text/plain)", ""},
      {"part header without blank line",
       "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n--b\n\nx\n--b--\n",
       "multipart/mixed(text/html text/plain)", ""},
      {"blanks after the boundary", "Content-Type: multipart/mixed; boundary=b\n\n--b \t \n\nHello\n--b-- \n",
       "multipart/mixed(text/plain)", "Hello"},
      {"text that begins like a boundary",
       "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--bc\n--b-\n --b\n-- b\n--b--\n",
       "multipart/mixed(text/plain)", "--bc\n--b-\n --b\n-- b"},
      {"epilogue with a boundary", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b\n\ny\n",
       "multipart/mixed(text/plain)", "x"},
      {"inner boundary is a prefix",
       "Content-Type: multipart/mixed; boundary=bb\n\n--bb\nContent-Type: multipart/mixed; "
       "boundary=b\n\n--b\n\nx\n--b--\n--bb\n\ny\n--bb--\n",
       "multipart/mixed(multipart/mixed(text/plain) text/plain)", "x"},
      {"outer boundary is a prefix",
       "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; "
       "boundary=bb\n\n--bb\n\nx\n--bb--\n--b\n\ny\n--b--\n",
       "multipart/mixed(multipart/mixed(text/plain) text/plain)", "x"},
      {"inner boundary ends like an end of the outer",
       "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; "
       "boundary=b--\n\n--b--\n\nx\n--b----\n--b\n\ny\n--b--\n",
       "multipart/mixed(multipart/mixed(text/plain) text/plain)", "x"},
      {"inner multipart not closed",
       "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; "
       "boundary=i\n\n--i\n\nx\n--o\n\ny\n--o--\n",
       "multipart/mixed(multipart/mixed(text/plain) text/plain)", "x"},
      {"outer boundary right after the inner",
       "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n--o--\n",
       "multipart/mixed(multipart/mixed(text/plain))", ""},
      {"quoted boundary with blanks", "Content-Type: multipart/mixed; boundary=\"a b \"\n\n--a b\n\nx\n--a b--\n",
       "multipart/mixed(text/plain)", "x"},
      {"boundary in continuations", "Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\n\n--ab\n\nx\n--ab--\n",
       "multipart/mixed(text/plain)", "x"},
      {"digest",
       "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\nHello\n--b\nContent-Type: "
       "text/html\n\nh\n--b--\n",
       "multipart/digest(message/rfc822(text/plain) text/html)", "Hello"},
      {"digest with an unreadable type",
       "Content-Type: multipart/digest; boundary=b\n\n--b\nContent-Type: ?\n\nx\n--b--\n",
       "multipart/digest(text/plain)", "x"},
      {"unreadable type", "Content-Type: nonsense\n\nx\n", "text/plain", "x\n"},
      {"empty type", "Content-Type:\n\nx\n", "text/plain", "x\n"},
      {"unknown type", "Content-Type: application/x-cpm-session\n\nx\n", "application/x-cpm-session", "x\n"},
      {"first type counts", "Content-Type: text/html\nContent-Type: image/png\n\nx\n", "text/html", "x\n"},
      {"message in a message in a message",
       "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: in\n\nx\n",
       "message/rfc822(message/rfc822(text/plain))", "x\n"},
      {"message with a header only", "Content-Type: message/rfc822\n", "message/rfc822(text/plain)", ""},
      {"empty message", "Content-Type: message/rfc822\n\n", "message/rfc822(text/plain)", ""},
      {"message in a header cut by a boundary",
       "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: x\n--b--\n",
       "multipart/mixed(message/rfc822(text/plain))", ""},
      {"message/global", "Content-Type: message/global\n\nSubject: x\n\ny\n", "message/global(text/plain)", "y\n"},
      {"encoded message", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA==\n",
       "application/octet-stream", "U3ViamVjdDogeA==\n"},
      {"encoded multipart",
       "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: quoted-printable\n\n--b\n\nx\n--b--\n",
       "application/octet-stream", "--b\n\nx\n--b--\n"},
      {"multipart in binary",
       "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: BINARY\n\n--b\n\nx\n--b--\n",
       "multipart/mixed(text/plain)", "x"},
      {"CPIM is not descended into", "Content-Type: message/cpim\n\nFrom: <a>\n\nContent-type: text/plain\n\nHello",
       "message/cpim", "From: <a>\n\nContent-type: text/plain\n\nHello"},
  };
  for (const auto& test : cases) {
    for (const bool bare_lf : {false, true}) {
      const std::string text = bare_lf ? std::string(test.text) : crlf(test.text);
      const Part part = parse(text);
      EXPECT_EQ(shape(part), test.shape) << test.what;
      const Part* leaf = &part;
      while (!leaf->children.empty()) leaf = &leaf->children[0];
      EXPECT_EQ(body_of(text, *leaf), bare_lf ? std::string(test.first_body) : crlf(test.first_body)) << test.what;
    }
  }
}

TEST(Structure, ReadsAllContentFields) {
  const Part part = parse(crlf(
      "Content-Type: image/png; name=\"a.png\"\nContent-ID: <1@x>\nContent-Description: a\n picture\n"
      "Content-Transfer-Encoding: (why) Base64\nContent-MD5: abc==\nContent-Disposition: attachment; filename=a.png\n"
      "Content-Language: en, de\nContent-Location: http://x.example/\n  a.png\n\nAAAA\n"));
  EXPECT_EQ(part.id, "<1@x>");
  EXPECT_EQ(part.description, "a picture");
  EXPECT_EQ(part.transfer_encoding, "Base64");
  EXPECT_EQ(part.encoding, Encoding::base64);
  EXPECT_EQ(part.md5, "abc==");
  EXPECT_EQ(part.disposition, (Disposition{"attachment", {{"filename", "a.png"}}}));
  EXPECT_EQ(part.languages, (std::vector<std::string>{"en", "de"}));
  EXPECT_EQ(part.location, "http://x.example/a.png");
}

TEST(Structure, AddsTheDefaultCharsetToTextOnly) {
  EXPECT_EQ(parse("Content-Type: text/html; a=b\r\n\r\n").parameters,
            (Parameters{{"a", "b"}, {"charset", "us-ascii"}}));
  EXPECT_EQ(parse("Content-Type: text/html; CHARSET=x\r\n\r\n").parameters, (Parameters{{"CHARSET", "x"}}));
  EXPECT_TRUE(parse("Content-Type: image/png\r\n\r\n").parameters.empty());
}

TEST(Structure, BareCrEndsNoLine) {
  const std::string text = "Subject: a\rb\r\n\r\none\rtwo\r\n";
  const Part part = parse(text);
  EXPECT_EQ(part.envelope->subject, "ab");
  EXPECT_EQ(body_of(text, part), "one\rtwo\r\n");
  EXPECT_EQ(part.lines, 1U);
}

TEST(Structure, CarriesNulAndHighOctets) {
  const std::string text = std::string("Subject: a\0\xFF\r\n\r\n\0\x80\r\n", 20);
  const Part part = parse(text);
  EXPECT_EQ(part.body_end, text.size());
  EXPECT_EQ(part.lines, 1U);
}

TEST(Structure, ReadsLongLinesInPieces) {
  const std::string long_line(200 * 1024, 'x');
  const std::string text = "Subject: " + long_line +
                           "\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + long_line +
                           "\r\n--b\r\n\r\n" + long_line + "\n--b--\r\n";
  const Part part = parse(text);
  EXPECT_EQ(part.envelope->subject, long_line);
  ASSERT_EQ(part.children.size(), 2U);
  EXPECT_EQ(body_of(text, part.children[0]), long_line);
  EXPECT_EQ(body_of(text, part.children[1]), long_line);
}

// Line ends at and around the places where the reader's blocks end.
TEST(Structure, DoesNotDependOnBlocks) {
  for (std::size_t filler = 64 * 1024 - 120; filler < 64 * 1024 + 8; ++filler) {
    const std::string head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n";
    const std::string text = head + std::string(filler, 'x') + "\r\n--b\r\n\r\ny\r\n--b--\r\n";
    const Part part = parse(text);
    ASSERT_EQ(part.children.size(), 2U) << filler;
    ASSERT_EQ(part.children[0].body_end - part.children[0].body_begin, filler);
    ASSERT_EQ(body_of(text, part.children[1]), "y");
  }
}

// A source that gives one octet at a time is as good as memory.
class Trickle final : public ByteSource {
 public:
  explicit Trickle(std::string_view bytes) : memory_(bytes) {}
  [[nodiscard]] std::uint64_t size() const override { return memory_.size(); }
  std::size_t read(std::uint64_t offset, char* to, std::size_t length) override {
    return memory_.read(offset, to, std::min<std::size_t>(length, 1));
  }

 private:
  MemorySource memory_;
};

TEST(Structure, AcceptsShortReads) {
  const std::string text = rfc3501_example();
  Trickle source(text);
  EXPECT_EQ(encode(parse_structure(source, {})), encode(parse(text)));
}

TEST(StructureLimits, MorePartsStayInTheLastOne) {
  Limits limits;
  limits.mime_parts = 3;
  const std::string text = crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n--b\n\n2\n--b\n\n3\n--b--\n");
  const Part part = parse(text, limits);
  ASSERT_EQ(part.children.size(), 2U);
  EXPECT_EQ(body_of(text, part.children[1]), "2\r\n--b\r\n\r\n3");
}

TEST(StructureLimits, DeeperLevelsAreOpaque) {
  Limits limits;
  limits.mime_nesting = 2;
  std::string text;
  for (int i = 0; i < 5; ++i) text += "Content-Type: message/rfc822\r\n\r\n";
  EXPECT_EQ(shape(parse(text, limits)), "message/rfc822(message/rfc822(application/octet-stream))");
}

TEST(StructureLimits, AHeaderBeyondTheLimitIsKeptButNotRead) {
  Limits limits;
  limits.header_octets = 100;
  const std::string text =
      "Subject: early\r\nX-Long: " + std::string(500, 'x') + "\r\nTo: late@example.net\r\n\r\nbody";
  const Part part = parse(text, limits);
  EXPECT_EQ(part.envelope->subject, "early");
  EXPECT_TRUE(part.envelope->to.empty());
  EXPECT_EQ(body_of(text, part), "body");
}

TEST(StructureLimits, AllHeadersTogetherAreBounded) {
  Limits limits;
  limits.header_octets = 1000;
  std::string text = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 100; ++i)
    text += "--b\r\nContent-Type: image/png; name=" + std::string(900, 'x') + "\r\n\r\n\r\n";
  const Part part = parse(text, limits);
  ASSERT_EQ(part.children.size(), 100U);
  EXPECT_EQ(part.children.front().subtype, "png");
  EXPECT_EQ(part.children.back().subtype, "plain");
}

// Every level opens a multipart that is never closed, then lines follow that look like boundaries.
TEST(StructureLimits, HostileNestingStaysLinear) {
  std::string text = "Content-Type: multipart/mixed; boundary=b0\r\n\r\n";
  for (int i = 1; i < 5000; ++i)
    text += "--b" + std::to_string(i - 1) + "\r\nContent-Type: multipart/mixed; boundary=b" + std::to_string(i) +
            "\r\n\r\n";
  for (int i = 0; i < 50000; ++i) text += "--b\r\n";
  const Part part = parse(text);
  std::size_t depth = 0;
  for (const Part* at = &part; !at->children.empty(); at = &at->children.back()) ++depth;
  EXPECT_EQ(depth, Limits{}.mime_nesting);
}

}  // namespace
}  // namespace cpm::imap::mime::test
