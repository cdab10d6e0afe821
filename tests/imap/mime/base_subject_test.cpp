#include "imap/mime/base_subject.h"

#include "imap/mime/header.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>

namespace cpm::imap::mime {
namespace {

struct Case {
  std::string subject;
  std::string base;
  bool marked;
};

TEST(BaseSubject, FollowsTheSteps) {
  const std::vector<Case> cases = {
      {"", "", false},
      {"   ", "", false},
      {"hello", "hello", false},
      {"  a \t b\r\n  c  ", "a b c", false},
      {"Re: hello", "hello", true},
      {"RE:hello", "hello", true},
      {"re :hello", "hello", true},
      {"Fw: hello", "hello", true},
      {"fwd: hello", "hello", true},
      {"Fwdx: hello", "Fwdx: hello", false},
      {"Reply: hello", "Reply: hello", false},
      {"Re: Re: Fwd: hello", "hello", true},
      {"Re[2]: hello", "hello", true},
      {"Re [ab c] : hello", "hello", true},
      {"Re[2][3]: hello", "Re[2][3]: hello", false},
      {"[list] hello", "hello", false},
      {"[list] Re: hello", "hello", true},
      {"[a][b] [c] Re: [d] hello", "hello", true},
      {"Re: [list] Re: hello", "hello", true},
      {"[list]", "[list]", false},
      {"[a] [b]", "[b]", false},
      {"[]", "[]", false},
      {"[] x", "x", false},
      {"Re: [list]", "[list]", true},
      {"[list] Re:", "", true},
      {"[a[b] x", "[a[b] x", false},
      {"[a]b] x", "b] x", false},
      {"hello (fwd)", "hello", true},
      {"hello(FWD) (fwd)  ", "hello", true},
      {"(fwd)", "", true},
      {"hello (fwd) x", "hello (fwd) x", false},
      {"[fwd: hello]", "hello", true},
      {"[Fwd: Re: [list] hello (fwd) ]", "hello", true},
      {"[fwd:[fwd: x]]", "x", true},
      {"[fwd:]", "", true},
      {"[fwd: hello] more", "more", false},  // a blob like any other: step 4 comes first
      {"[fwd: a] [fwd: b]", "b", true},
      {"Re: [fwd: hello]", "hello", true},
      {"[list] [fwd: hello]", "hello", true},
      {"[fwd: hello", "[fwd: hello", false},
      {"[fwd:", "[fwd:", false},
      {"Re", "Re", false},
      {"Re:", "", true},
      {":", ":", false},
      {"AW: hallo", "AW: hallo", false},  // translated marks are text (RFC 5256 7)
      {"Re: \xc3\x9c"
       "ber",
       "\xc3\x9c"
       "ber",
       true},
  };
  for (const Case& one : cases) {
    const BaseSubject base = base_subject(one.subject);
    EXPECT_EQ(base.text, one.base) << one.subject;
    EXPECT_EQ(base.reply_or_forward, one.marked) << one.subject;
  }
}

TEST(BaseSubject, ANulIsNoBlobCharacter) {
  const std::string text("[a\0b] x", 7);
  EXPECT_EQ(base_subject(text).text, text);
}

TEST(BaseSubject, HostileTextsTakeLinearTime) {
  std::string blobs, forwards, marks, open;
  for (int i = 0; i < 300'000; ++i) {
    blobs += "[a]";
    marks += "(fwd)";
    forwards += "[fwd:";
    open += "re [";
  }
  EXPECT_EQ(base_subject(blobs + "x").text, "x");
  EXPECT_EQ(base_subject(blobs).text, "[a]");
  EXPECT_EQ(base_subject(marks).text, "");
  EXPECT_EQ(base_subject(forwards + "x" + std::string(300'000, ']')).text, "x");
  EXPECT_EQ(base_subject(open).text, open);
}

// The steps one by one, each as the RFC words it, nothing taken together.
class Model {
 public:
  static std::pair<std::string, bool> base(std::string text) {
    bool marked = false;
    for (;;) {
      while (trailer(text, marked)) {
      }
      for (;;) {
        if (leader(text, marked)) continue;
        const std::size_t blob = match_blob(text, 0);
        if (blob == 0 || text.find_first_not_of(' ', blob) == std::string::npos) break;
        text = text.substr(blob);
      }
      if (!equals_ignore_case(text.substr(0, 5), "[fwd:") || text.back() != ']') return {text, marked};
      text = text.substr(5, text.size() - 6);
      marked = true;
    }
  }

 private:
  static bool trailer(std::string& text, bool& marked) {
    if (!text.empty() && text.back() == ' ') {
      text.pop_back();
      return true;
    }
    if (text.size() < 5 || !equals_ignore_case(text.substr(text.size() - 5), "(fwd)")) return false;
    text.resize(text.size() - 5);
    return marked = true;
  }
  static std::size_t match_blob(const std::string& text, std::size_t at) {
    if (at >= text.size() || text[at] != '[') return at;
    const std::size_t end = text.find_first_of("[]", at + 1);
    if (end == std::string::npos || text[end] != ']') return at;
    const std::size_t next = text.find_first_not_of(' ', end + 1);
    return next == std::string::npos ? text.size() : next;
  }
  static bool leader(std::string& text, bool& marked) {
    if (!text.empty() && text[0] == ' ') {
      text.erase(0, 1);
      return true;
    }
    std::size_t at = 0;
    for (std::size_t next; (next = match_blob(text, at)) != at;) at = next;
    for (const std::string word : {"re", "fw", "fwd"}) {
      if (!equals_ignore_case(text.substr(at, word.size()), word)) continue;
      std::size_t colon = at + word.size();
      while (colon < text.size() && text[colon] == ' ') ++colon;
      colon = match_blob(text, colon);
      if (colon >= text.size() || text[colon] != ':') continue;
      text.erase(0, colon + 1);
      return marked = true;
    }
    return false;
  }
};

TEST(BaseSubject, AgreesWithTheStepsOneByOne) {
  const std::vector<std::string> pieces = {"re",  "Fw",    "fwd",   ":", " ",    "[", "]",
                                           "[x]", "[fwd:", "(fwd)", "a", "Re: ", "b "};
  std::mt19937 random(20261121);
  for (int round = 0; round < 60'000; ++round) {
    std::string text;
    const std::size_t length = random() % 12;
    for (std::size_t i = 0; i < length; ++i) {
      const std::string& piece = pieces[random() % pieces.size()];
      if (piece[0] == ' ' && !text.empty() && text.back() == ' ') continue;
      text += piece;
    }
    const BaseSubject base = base_subject(text);
    const auto [wanted, marked] = Model::base(text);
    ASSERT_EQ(base.text, wanted) << "'" << text << "'";
    ASSERT_EQ(base.reply_or_forward, marked) << "'" << text << "'";
  }
}

}  // namespace
}  // namespace cpm::imap::mime
