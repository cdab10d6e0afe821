#include "imap/wire/command_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::wire {
namespace {

using Event = CommandReader::Event;

Limits small_limits() {
  Limits limits;
  limits.line_octets = 40;
  return limits;
}

enum class Policy { accept, refuse };

// Everything the reader says, as text: "C:" command with its literals, "L:" announcement, "T:" too long, "F:" failed.
std::string run(const std::vector<std::string>& pieces, const Limits& limits, Policy policy = Policy::accept) {
  CommandReader reader(limits);
  std::string log;
  const auto shown = [](std::string text) {
    std::string out;
    for (const char c : text)
      out += c == '\r' ? std::string("<CR>") : c == '\n' ? std::string("<LF>") : std::string(1, c);
    return out;
  };
  for (const std::string& piece : pieces) {
    reader.feed(piece);
    for (bool more = true; more;) {
      switch (reader.next()) {
        case Event::need_more: more = false; break;
        case Event::literal: {
          const Announcement& a = reader.announcement();
          log += "L:" + std::to_string(a.octets) + (a.non_sync ? "+" : "") + (a.binary ? "~" : "") + " ";
          if (policy == Policy::accept) {
            reader.accept(Spool(limits));
          } else {
            reader.refuse();
          }
          break;
        }
        case Event::command: {
          CommandInput input = reader.take();
          log += "C:" + shown(input.text);
          for (Literal& literal : input.literals) log += "[" + shown(literal.data.text()) + "]";
          log += " ";
          break;
        }
        case Event::line: log += "N:" + shown(reader.take_line()) + " "; break;
        case Event::too_long: log += "T:" + shown(reader.text()) + " "; break;
        case Event::failed: log += "F:" + shown(reader.text()) + " "; break;
      }
    }
  }
  log += reader.in_command() ? "open" : "idle";
  return log;
}

std::string run(std::string_view octets, Policy policy = Policy::accept) {
  return run({std::string(octets)}, small_limits(), policy);
}

std::string run_octet_by_octet(std::string_view octets, Policy policy) {
  std::vector<std::string> pieces;
  for (const char c : octets) pieces.emplace_back(1, c);
  return run(pieces, small_limits(), policy);
}

struct Case {
  const char* name;
  std::string octets;
  std::string accepted;  // the log when literals are accepted
  std::string refused;   // … and when they are refused; empty: the same
};

using namespace std::string_literals;

const std::string k40(40, 'x');

const Case kCases[] = {
    {"Crlf", "a NOOP\r\nb NOOP\r\n", "C:a NOOP C:b NOOP idle", ""},
    {"BareLf", "a NOOP\nb NOOP\n", "C:a NOOP C:b NOOP idle", ""},
    {"EmptyLinesAreSilent", "\r\n\na NOOP\r\n\r\n\n\r\nb NOOP\n\n", "C:a NOOP C:b NOOP idle", ""},
    {"CrsBeforeTheLineEnd", "a NOOP\r\r\n\r\r\nb NOOP\n", "C:a NOOP C:b NOOP idle", ""},
    {"CrInsideTheLineIsKept", "a NO\rOP\r\n", "C:a NO<CR>OP idle", ""},
    {"Unfinished", "a NOOP", "open", ""},
    {"UnfinishedCr", "a NOOP\r", "open", ""},
    {"Literal", "a LOGIN {4}\r\nuser {2}\r\npw\r\n", "L:4 L:2 C:a LOGIN {4}<CR><LF> {2}<CR><LF>[user][pw] idle",
     "L:4 L:2 C:pw idle"},
    {"LiteralBareLf", "a LOGIN {4}\nuser {2}\npw\n", "L:4 L:2 C:a LOGIN {4}<CR><LF> {2}<CR><LF>[user][pw] idle",
     "L:4 L:2 C:pw idle"},
    {"LiteralHoldsLineEnds", "a X {6}\r\n\r\nA\n\r\n\r\n", "L:6 C:a X {6}<CR><LF>[<CR><LF>A<LF><CR><LF>] idle",
     "L:6 C:A idle"},
    {"EmptyLiteral", "a X {0}\r\n\r\nb NOOP\r\n", "L:0 C:a X {0}<CR><LF>[] C:b NOOP idle", "L:0 C:b NOOP idle"},
    {"EmptyLiteralAtTheStartOfALine", "a X {0}\r\n {1}\r\nz\r\n", "L:0 L:1 C:a X {0}<CR><LF> {1}<CR><LF>[][z] idle",
     "L:0 L:1 C:z idle"},
    {"NonSync", "a X {3+}\r\nabc d\r\nb NOOP\r\n", "L:3+ C:a X {3+}<CR><LF> d[abc] C:b NOOP idle",
     "L:3+ C:b NOOP idle"},
    {"NonSyncChain", "a X {3+}\r\nabc {2+}\r\nde f\r\nb NOOP\r\n",
     "L:3+ L:2+ C:a X {3+}<CR><LF> {2+}<CR><LF> f[abc][de] C:b NOOP idle", "L:3+ C:b NOOP idle"},
    {"NonSyncThenSync", "a X {3+}\r\nabc {2}\r\nb NOOP\r\n",
     "L:3+ L:2 C:a X {3+}<CR><LF> {2}<CR><LF>NOOP[abc][b ] idle", "L:3+ C:b NOOP idle"},
    {"Literal8", "a X ~{3}\r\na\0b\r\nb X ~{1+}\r\nc\r\n"s,
     "L:3~ C:a X ~{3}<CR><LF>[a\0b] L:1+~ C:b X ~{1+}<CR><LF>[c] idle"s, "L:3~ C:a\0b L:1+~ idle"s},
    {"ExtraEmptyLineAfterTheLastLiteral", "a APPEND x {2}\r\nhi\r\n\nb NOOP\n",
     "L:2 C:a APPEND x {2}<CR><LF>[hi] C:b NOOP idle", "L:2 C:hi C:b NOOP idle"},
    {"BracesInsideQuotes", "a X \"{5}\r\nb X \"\\\"{5}\r\n", "C:a X \"{5} C:b X \"\\\"{5} idle", ""},
    {"BracesAfterQuotes", "a X \"q\\\\\" {1}\r\nz\r\n", "L:1 C:a X \"q\\\\\" {1}<CR><LF>[z] idle", "L:1 C:z idle"},
    {"QuotesOfAnEarlierLineDoNotCount", "a X {1}\r\n\" {1}\r\ny\r\n",
     "L:1 L:1 C:a X {1}<CR><LF> {1}<CR><LF>[\"][y] idle", "L:1 C:\" {1} C:y idle"},
    {"BracesBeforeTheLineEnd", "a X {5} \r\nb X {5}x\r\n", "C:a X {5}  C:b X {5}x idle", ""},
    {"MalformedBraces", "a {}\nb {+}\nc {x}\nd {-1}\ne {1-}\nf 1}\ng {1++}\nh { 1}\ni {1\n",
     "C:a {} C:b {+} C:c {x} C:d {-1} C:e {1-} C:f 1} C:g {1++} C:h { 1} C:i {1 idle", ""},
    {"HugeAnnouncement", "a X {99999999999999999999}\r\n", "L:9223372036854775807 open", "L:9223372036854775807 idle"},
    {"HugeAnnouncementBeyond63Bits", "a X {9223372036854775808+}\r\nabc", "L:9223372036854775807+ open",
     "L:9223372036854775807+ open"},
    {"LeadingZeros", "a X {0000000000002}\r\nhi\r\n", "L:2 C:a X {0000000000002}<CR><LF>[hi] idle", "L:2 C:hi idle"},
    {"ExactlyTheLimit", k40 + "\r\n" + k40 + "\n", "C:" + k40 + " C:" + k40 + " idle", ""},
    {"OneAboveTheLimit", k40 + "y\r\nb NOOP\r\n", "T:" + k40 + " C:b NOOP idle", ""},
    {"CrAboveTheLimit", k40 + "\ry\r\nb NOOP\r\n", "T:" + k40 + " C:b NOOP idle", ""},
    {"TwoCrsAboveTheLimit", k40 + "\r\r\nb NOOP\r\n", "T:" + k40 + " C:b NOOP idle", ""},
    {"FarAboveTheLimit", "a " + std::string(5000, 'x') + "\nb NOOP\n", "T:a " + std::string(38, 'x') + " C:b NOOP idle",
     ""},
    {"TooLongWithoutEnd", "a " + std::string(5000, 'x'), "open", ""},
    {"TooLongThenNonSync", "a " + std::string(100, 'x') + " {7+}\r\nc EVIL\n d\r\nb NOOP\r\n",
     "T:a " + std::string(38, 'x') + " C:b NOOP idle", ""},
    {"TooLongThenQuotedBraces", "a \"" + std::string(100, 'x') + " {7+}\r\nc NOOP\n",
     "T:a \"" + std::string(37, 'x') + " C:c NOOP idle", ""},
    {"TooLongThenSync", "a " + std::string(100, 'x') + " {7}\r\nb NOOP\r\n",
     "T:a " + std::string(38, 'x') + " C:b NOOP idle", ""},
    {"TooLongAfterALiteral", "a X {1}\r\nz" + k40 + "\r\nb NOOP\r\n",
     "L:1 T:a X {1}<CR><LF>" + std::string(31, 'x') + " C:b NOOP idle",
     "L:1 T:z" + std::string(39, 'x') + " C:b NOOP idle"},
    {"ManyAnnouncementsReachTheLimit", "a {0}\n{0}\n{0}\n{0}\n{0}\n{0}\n{0}\n{0}\n{0}\n{0}\n\nb NOOP\n",
     "L:0 L:0 L:0 L:0 L:0 L:0 L:0 L:0 T:a "
     "{0}<CR><LF>{0}<CR><LF>{0}<CR><LF>{0}<CR><LF>{0}<CR><LF>{0}<CR><LF>{0}<CR><LF>{0} "
     "L:0 C:{0}<CR><LF>[] C:b NOOP idle",
     "L:0 L:0 L:0 L:0 L:0 L:0 L:0 L:0 L:0 L:0 C:b NOOP idle"},
    {"RefusedRestMayBeLong", "a X {1+}\r\nz" + std::string(300, 'y') + "\r\nb NOOP\r\n",
     "L:1+ T:a X {1+}<CR><LF>" + std::string(30, 'y') + " C:b NOOP idle", "L:1+ C:b NOOP idle"},
    {"NulsInLines", "a \0X\r\n"s, "C:a \0X idle"s, ""},
};

TEST(CommandReader, SaysWhatTheOctetsHold) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(run(c.octets), c.accepted);
    EXPECT_EQ(run(c.octets, Policy::refuse), c.refused.empty() ? c.accepted : c.refused);
  }
}

TEST(CommandReader, DoesNotDependOnHowTheOctetsAreCut) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    for (const Policy policy : {Policy::accept, Policy::refuse}) {
      const std::string whole = run(c.octets, policy);
      EXPECT_EQ(run_octet_by_octet(c.octets, policy), whole);
      for (std::size_t cut = 1; cut < c.octets.size(); ++cut) {
        ASSERT_EQ(run({c.octets.substr(0, cut), c.octets.substr(cut)}, small_limits(), policy), whole)
            << "cut at " << cut;
      }
    }
  }
}

TEST(CommandReader, FailedLiteralIsSkippedWithTheRestOfItsCommand) {
  Limits limits = small_limits();
  limits.spool_memory_octets = 4;
  limits.spool_disk_octets = 0;
  const std::string begin = "a X {9+}<CR><LF>";
  EXPECT_EQ(run({"a X {9+}\r\n123456789 {3+}\r\nabc d\r\nb NOOP\r\n"}, limits), "L:9+ F:" + begin + " C:b NOOP idle");
  // The client waits for a continuation that will not come: the failure is the answer.
  EXPECT_EQ(run({"a X {9+}\r\n123456789 {3}\r\nb NOOP\r\n"}, limits), "L:9+ F:" + begin + " C:b NOOP idle");
  EXPECT_EQ(run({"a X {9+}\r\n1234", "5", "6789\r", "\nb NOOP\r\n"}, limits), "L:9+ F:" + begin + " C:b NOOP idle");
}

TEST(CommandReader, ReportsWhyALiteralFailed) {
  Limits limits = small_limits();
  limits.spool_memory_octets = 4;
  limits.spool_disk_octets = 0;
  CommandReader reader(limits);
  reader.feed("a X {9+}\r\n123456789\r\n");
  ASSERT_EQ(reader.next(), Event::literal);
  reader.accept(Spool(limits));
  ASSERT_EQ(reader.next(), Event::failed);
  EXPECT_EQ(reader.error().failure, Failure::limit);
  EXPECT_EQ(reader.next(), Event::need_more);
  EXPECT_EQ(reader.text(), "");
}

TEST(CommandReader, NotesNulInLiterals) {
  const Limits limits;
  CommandReader reader(limits);
  reader.feed("a X {3+}\r\nabc {3+}\r\n"s);
  reader.feed("a\0"s);
  reader.feed("c\r\n");
  std::vector<bool> nul;
  for (;;) {
    const Event event = reader.next();
    if (event == Event::command) break;
    ASSERT_EQ(event, Event::literal);
    reader.accept(Spool(std::string()));
  }
  for (const Literal& literal : reader.take().literals) nul.push_back(literal.has_nul);
  EXPECT_EQ(nul, (std::vector<bool>{false, true}));
}

TEST(CommandReader, LiteralLargerThanMemoryGoesToAFile) {
  Limits limits;
  limits.spool_memory_octets = 1000;
  CommandReader reader(limits);
  reader.feed("a X {100000+}\r\n");
  ASSERT_EQ(reader.next(), Event::literal);
  reader.accept(Spool(limits));
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(reader.next(), Event::need_more);
    EXPECT_EQ(reader.literal_octets_missing(), 100000U - 1000U * static_cast<unsigned>(i));
    reader.feed(std::string(1000, 'z'));
  }
  reader.feed("\r\n");
  ASSERT_EQ(reader.next(), Event::command);
  CommandInput input = reader.take();
  EXPECT_FALSE(input.literals.at(0).data.in_memory());
  EXPECT_EQ(input.literals.at(0).data.text(), std::string(100000, 'z'));
}

TEST(CommandReader, LineModeReturnsEachLine) {
  const Limits limits;
  CommandReader reader(limits);
  reader.feed("a AUTHENTICATE PLAIN\n");
  ASSERT_EQ(reader.next(), Event::command);
  (void)reader.take();
  reader.set_line_mode(true);
  reader.feed("AGEAYg==\r\n\r\n*\nx {5}\r\nDO");
  for (const char* expected : {"AGEAYg==", "", "*", "x {5}"}) {
    ASSERT_EQ(reader.next(), Event::line);
    EXPECT_EQ(reader.take_line(), expected);
  }
  EXPECT_EQ(reader.next(), Event::need_more);
  reader.feed("NE\n\nb NOOP\n");
  ASSERT_EQ(reader.next(), Event::line);
  EXPECT_EQ(reader.take_line(), "DONE");
  reader.set_line_mode(false);
  ASSERT_EQ(reader.next(), Event::command);
  EXPECT_EQ(reader.take().text, "b NOOP");
}

TEST(CommandReader, LineModeBoundsTheLine) {
  const Limits limits = small_limits();
  CommandReader reader(limits);
  reader.set_line_mode(true);
  reader.feed(std::string(100, 'x') + " {5+}\r\nnext\r\n");
  EXPECT_EQ(reader.next(), Event::too_long);
  ASSERT_EQ(reader.next(), Event::line);
  EXPECT_EQ(reader.take_line(), "next");
}

TEST(CommandReader, KeepsNoMoreThanTheLimitOfAnEndlessLine) {
  const Limits limits = small_limits();
  CommandReader reader(limits);
  const std::string piece(4096, '\r');
  for (int i = 0; i < 1000; ++i) {
    reader.feed(piece);
    ASSERT_EQ(reader.next(), Event::need_more);
    ASSERT_LE(reader.text().size(), limits.line_octets);
    ASSERT_FALSE(reader.buffered());
  }
  EXPECT_TRUE(reader.in_command());
}

TEST(CommandReader, ForgottenTakeDoesNotGlueCommands) {
  const Limits limits;
  CommandReader reader(limits);
  reader.feed("a NOOP\r\nb NOOP\r\n");
  ASSERT_EQ(reader.next(), Event::command);
  ASSERT_EQ(reader.next(), Event::command);
  EXPECT_EQ(reader.take().text, "b NOOP");
}

TEST(CommandReader, DiscardForgetsWhatWasReadAhead) {
  const Limits limits;
  CommandReader reader(limits);
  reader.feed("a STARTTLS\r\nb LOGIN x y\r\n");
  ASSERT_EQ(reader.next(), Event::command);
  (void)reader.take();
  EXPECT_TRUE(reader.buffered());
  reader.discard();
  EXPECT_EQ(reader.next(), Event::need_more);
  reader.feed("c NOOP\r\n");
  ASSERT_EQ(reader.next(), Event::command);
  EXPECT_EQ(reader.take().text, "c NOOP");
}

TEST(CommandReader, ReleasesMemoryOnlyWhenNothingIsBuffered) {
  const Limits limits;
  CommandReader reader(limits);
  reader.feed("a NOOP\r\nb NO");
  ASSERT_EQ(reader.next(), Event::command);
  (void)reader.take();
  reader.release_memory();
  reader.feed("OP\r\n");
  ASSERT_EQ(reader.next(), Event::command);
  EXPECT_EQ(reader.take().text, "b NOOP");
}

TEST(CommandReaderAnnouncement, IsFoundAtTheEndOnly) {
  const auto found = find_announcement("x \"a\\\"\" ~{12+}");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->octets, 12U);
  EXPECT_TRUE(found->non_sync);
  EXPECT_TRUE(found->binary);
  for (const char* line :
       {"", "}", "{}", "{5", "5}", "{5} ", "{5}\r", "\"{5}", "\"\\\"{5}", "{5 }", "{0x5}", "{5+ }", "{+5}"}) {
    EXPECT_FALSE(find_announcement(line)) << line;
  }
}

}  // namespace
}  // namespace cpm::imap::wire
