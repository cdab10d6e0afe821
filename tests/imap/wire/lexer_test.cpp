#include "imap/wire/lexer.h"

#include "tests/imap/wire/reader_support.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::wire {
namespace {

using namespace std::string_literals;

// What is said of `text` as the argument of a command.
std::string bad_argument(std::string_view text, std::string (Lexer::*token)()) {
  TestLexer lexer("x " + std::string(text));
  (void)lexer->atom();
  lexer->sp();
  return bad_text([&] { (void)((*lexer).*token)(); });
}

TEST(LexerCharacters, AtomsExcludeTheSpecials) {
  const std::string specials = "(){ %*\"\\]\r\n\t\x7f";
  for (int c = 0; c < 256; ++c) {
    const bool special = c <= 0x20 || c >= 0x7f || specials.find(static_cast<char>(c)) != std::string::npos;
    // "}" is an ATOM-CHAR, ")" and "]" are not.
    const bool brace = c == '}';
    EXPECT_EQ(is_atom_char(static_cast<unsigned char>(c)), brace || !special) << c;
    EXPECT_EQ(is_astring_char(static_cast<unsigned char>(c)), brace || !special || c == ']') << c;
  }
}

TEST(LexerUtf8, AcceptsOnlyWellFormedText) {
  for (const auto& text : {"", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xa9z"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const auto& text :
       {"\x80", "\xc3", "\xc3z", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xfe", "a\xc3\xa9\xc3"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
  EXPECT_TRUE(is_utf8("a\0b"s));
}

TEST(LexerText, ComparesAsciiOnlyWithoutCase) {
  EXPECT_TRUE(iequals("InBox", "INBOX"));
  EXPECT_FALSE(iequals("InBox", "INBOX "));
  EXPECT_FALSE(iequals("[", "{"));
  EXPECT_FALSE(iequals("@", "`"));
  EXPECT_FALSE(iequals("\xc9", "\xe9"));
  EXPECT_EQ(upper("uid Fetch\xe9{"), "UID FETCH\xe9{");
}

TEST(LexerTag, StopsAtABlankAndRefusesPlus) {
  TestLexer lexer("A]1 NOOP");
  EXPECT_EQ(lexer->tag(), "A]1");
  lexer->sp();
  EXPECT_EQ(lexer->word(), "NOOP");
  lexer->end();
  EXPECT_NE(bad_text([] { (void)TestLexer("+ NOOP")->tag(); }), "");
  EXPECT_NE(bad_text([] { (void)TestLexer("(a NOOP")->tag(); }), "");
  EXPECT_NE(bad_text([] { (void)TestLexer(" NOOP")->tag(); }), "");
}

TEST(LexerAtom, RejectsParenthesis) {
  EXPECT_NE(bad_text([] { (void)TestLexer("(a")->atom(); }), "");
  EXPECT_NE(bad_text([] { (void)TestLexer("\xc3\xa9")->atom(); }), "");
  TestLexer lexer("ab(c");
  EXPECT_EQ(lexer->atom(), "ab");
  EXPECT_EQ(lexer->peek(), '(');
}

TEST(LexerAtom, BadSyntaxNamesThePosition) {
  TestLexer lexer("abc (");
  (void)lexer->atom();
  lexer->sp();
  try {
    (void)lexer->atom();
    FAIL();
  } catch (const BadSyntax& bad) {
    EXPECT_EQ(bad.position, 4U);
  }
}

TEST(LexerWord, ComparesWithoutCaseAndConsumesWholeAtomsOnly) {
  TestLexer lexer("return Returning RETURN");
  EXPECT_FALSE(lexer->try_word("RETUR"));
  EXPECT_TRUE(lexer->try_word("RETURN"));
  lexer->sp();
  EXPECT_FALSE(lexer->try_word("RETURN"));
  EXPECT_EQ(lexer->peek_word(), "Returning");
  EXPECT_EQ(lexer->word(), "RETURNING");
  lexer->sp();
  lexer->expect_word("RETURN");
  lexer->end();
  EXPECT_EQ(bad_text([] { TestLexer("x")->expect_word("CHARSET"); }), "Expected CHARSET");
}

TEST(LexerItemName, EndsBeforeTheSection) {
  TestLexer lexer("body.peek[TEXT]<0.5>");
  EXPECT_EQ(lexer->item_name(), "BODY.PEEK");
  EXPECT_EQ(lexer->peek(), '[');
  EXPECT_EQ(TestLexer("RFC822.SIZE)")->item_name(), "RFC822.SIZE");
  EXPECT_NE(bad_text([] { (void)TestLexer("[x]")->item_name(); }), "");
}

TEST(LexerAstring, TakesAtomsQuotedAndLiterals) {
  EXPECT_EQ(TestLexer("a]b c")->astring(), "a]b");
  EXPECT_EQ(TestLexer("Default/tel:+33600000002")->astring(), "Default/tel:+33600000002");
  EXPECT_EQ(TestLexer("sip:user@host;x=1")->astring(), "sip:user@host;x=1");
  EXPECT_EQ(TestLexer("\"a b\"")->astring(), "a b");
  EXPECT_EQ(TestLexer("\"\"")->astring(), "");
  EXPECT_EQ(TestLexer("{3}\r\na\r\n")->astring(), "a\r\n");
  EXPECT_EQ(TestLexer("{0}\r\n")->astring(), "");
  for (const char* text : {"", " a", "(a)", "%", "*", "\\a", "\xc3\xa9", ")"}) {
    EXPECT_NE(bad_argument(text, &Lexer::astring), "") << text;
  }
}

TEST(LexerListMailbox, TakesWildcards) {
  EXPECT_EQ(TestLexer("Default/*%x]")->list_mailbox(), "Default/*%x]");
  EXPECT_EQ(TestLexer("\"% x\"")->list_mailbox(), "% x");
  EXPECT_EQ(TestLexer("%)")->list_mailbox(), "%");
}

TEST(LexerQuoted, UnescapesBackslashes) {
  EXPECT_EQ(TestLexer("\"a\\\"b\\\\c\"")->string(), "a\"b\\c");
  EXPECT_EQ(TestLexer("\"a\tb\x01\"")->string(), "a\tb\x01");
}

TEST(LexerQuoted, TakesUtf8WhetherEnabledOrNot) {
  for (const bool utf8 : {false, true}) {
    EXPECT_EQ(TestLexer("\"\xc3\xa9\"", utf8)->string(), "\xc3\xa9");
    EXPECT_EQ(bad_text([&] { (void)TestLexer("\"\xe9\"", utf8)->string(); }), "Quoted string is not valid UTF-8");
    EXPECT_NE(bad_text([&] { (void)TestLexer("\"\xed\xa0\x80\"", utf8)->string(); }), "");
  }
}

TEST(LexerQuoted, RefusesWhatTextMayNotHold) {
  for (const std::string& text :
       {"\""s, "\"abc"s, "\"abc\\"s, "\"abc\\\""s, "\"a\\bc\""s, "\"a\0c\""s, "\"a\rc\""s, "\"a\\\0\""s}) {
    EXPECT_NE(bad_text([&] { (void)TestLexer(text)->string(); }), "") << text;
  }
}

TEST(LexerString, IsNoAtom) {
  for (const char* text : {"abc", "NIL", "", "~abc", "{abc}", "{}", "{5}x"}) {
    EXPECT_NE(bad_argument(text, &Lexer::string), "") << text;
  }
}

TEST(LexerNstring, KnowsNil) {
  EXPECT_EQ(TestLexer("nil")->nstring(), std::nullopt);
  EXPECT_EQ(TestLexer("\"NIL\"")->nstring(), "NIL");
  EXPECT_EQ(TestLexer("{3}\r\nNIL")->nstring(), "NIL");
  EXPECT_NE(bad_text([] { (void)TestLexer("NILS")->nstring(); }), "");
  EXPECT_NE(bad_text([] { (void)TestLexer("abc")->nstring(); }), "");
}

TEST(LexerLiteral, HandsOutLiteralsInOrder) {
  TestLexer lexer("a {1}\r\nx ~{2+}\r\nyz {0}\r\n b");
  (void)lexer->atom();
  lexer->sp();
  Literal first = lexer->literal();
  EXPECT_EQ(first.data.text(), "x");
  EXPECT_FALSE(first.binary);
  lexer->sp();
  Literal second = lexer->literal();
  EXPECT_EQ(second.data.text(), "yz");
  EXPECT_TRUE(second.binary);
  EXPECT_TRUE(second.non_sync);
  lexer->sp();
  EXPECT_EQ(lexer->string(), "");
  lexer->sp();
  EXPECT_EQ(lexer->atom(), "b");
  lexer->end();
}

TEST(LexerLiteral, AllowsNulInLiteral8Only) {
  EXPECT_EQ(TestLexer("~{3}\r\na\0b"s)->literal().data.text(), "a\0b"s);
  EXPECT_NE(bad_text([] { (void)TestLexer("{3}\r\na\0b"s)->literal(); }), "");
  EXPECT_NE(bad_text([] { (void)TestLexer("{3}\r\na\0b"s)->string(); }), "");
  EXPECT_NE(bad_text([] { (void)TestLexer("~{3}\r\na\0b"s)->string(); }), "");
  EXPECT_EQ(TestLexer("~{3}\r\nabc")->string(), "abc");
}

TEST(LexerLiteral, BracesInTheMiddleAreNone) {
  // The first pair of braces is text; the announcement behind it must not be taken in its place.
  EXPECT_EQ(bad_text([] { (void)TestLexer("{abc {3}\r\nxyz")->literal(); }), "Malformed literal");
  EXPECT_EQ(bad_text([] { (void)TestLexer("{3} {3}\r\nxyz")->literal(); }), "Malformed literal");
  EXPECT_EQ(bad_text([] { (void)TestLexer("{} {3}\r\nxyz")->literal(); }), "Malformed literal");
  EXPECT_EQ(bad_text([] { (void)TestLexer("{3++} {3}\r\nxyz")->literal(); }), "Malformed literal");
  EXPECT_EQ(bad_text([] { (void)TestLexer("x")->literal(); }), "Expected a literal");
}

TEST(LexerBase64, TakesTheTokenAsWritten) {
  EXPECT_EQ(TestLexer("AGEAYg==")->base64(), "AGEAYg==");
  EXPECT_EQ(TestLexer("=")->base64(), "=");
  EXPECT_EQ(TestLexer("a+/Z x")->base64(), "a+/Z");
  for (const char* text : {"", " ", "abc", "a===", "====", "ab=c", "ab!d", "abcd=", "=abc", "*"}) {
    EXPECT_NE(bad_argument(text, &Lexer::base64), "") << text;
  }
}

TEST(LexerNumber, KeepsItsRange) {
  EXPECT_EQ(TestLexer("0")->number(), 0U);
  EXPECT_EQ(TestLexer("0042")->number(), 42U);
  EXPECT_EQ(TestLexer("4294967295")->number(), 4294967295U);
  EXPECT_EQ(TestLexer("9223372036854775807")->number64(), 9223372036854775807ULL);
  EXPECT_EQ(bad_text([] { (void)TestLexer("4294967296")->number(); }), "Number too large");
  EXPECT_EQ(bad_text([] { (void)TestLexer("9223372036854775808")->number64(); }), "Number too large");
  EXPECT_EQ(bad_text([] { (void)TestLexer(std::string(10000, '9'))->number64(); }), "Number too large");
  EXPECT_NE(bad_text([] { (void)TestLexer("0")->nz_number(); }), "");
  for (const char* text : {"-1", "+1", "x", "(1"})
    EXPECT_NE(bad_text([&] { (void)TestLexer(text)->number(); }), "") << text;
}

TEST(LexerBlanks, AreExactExceptWhereSkipped) {
  EXPECT_NE(bad_text([] {
              TestLexer l("a  b");
              (void)l->atom();
              l->sp();
              (void)l->atom();
            }),
            "");
  EXPECT_NE(bad_text([] {
              TestLexer l("a\tb");
              (void)l->atom();
              l->sp();
            }),
            "");
  EXPECT_EQ(bad_text([] {
              TestLexer l("a");
              (void)l->atom();
              l->sp();
            }),
            "Missing argument");
  TestLexer lexer("a   b");
  (void)lexer->atom();
  lexer->skip_spaces();
  EXPECT_EQ(lexer->atom(), "b");
  EXPECT_FALSE(lexer->try_sp());
}

TEST(LexerEnd, ToleratesOneTrailingBlank) {
  {
    TestLexer l("a");
    (void)l->atom();
    l->end();
  }
  {
    TestLexer l("a ");
    (void)l->atom();
    l->end();
  }
  EXPECT_NE(bad_text([] {
              TestLexer l("a  ");
              (void)l->atom();
              l->end();
            }),
            "");
  EXPECT_NE(bad_text([] {
              TestLexer l("a b");
              (void)l->atom();
              l->end();
            }),
            "");
  EXPECT_NE(bad_text([] {
              TestLexer l("a)");
              (void)l->atom();
              l->end();
            }),
            "");
}

std::vector<std::string> atoms(std::string_view text, bool may_be_empty) {
  TestLexer lexer(text);
  std::vector<std::string> found;
  lexer->list(may_be_empty, [&] { found.push_back(lexer->atom()); });
  lexer->end();
  return found;
}

TEST(LexerList, ReadsItemsBetweenParentheses) {
  EXPECT_EQ(atoms("(a b c)", false), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(atoms("(a)", false), (std::vector<std::string>{"a"}));
  EXPECT_EQ(atoms("()", true), std::vector<std::string>{});
  for (const char* text : {"()", "(", "(a", "(a ", "(a )", "( a)", "(a  b)", "a", "(a,b"}) {
    EXPECT_NE(bad_text([&] { (void)atoms(text, false); }), "") << text;
  }
}

void nested(Lexer& lexer) {
  lexer.list(true, [&] { nested(lexer); });
}

TEST(LexerList, BoundsNesting) {
  Limits limits;
  limits.nesting = 10;
  const auto text = [](std::size_t depth) { return std::string(depth, '(') + std::string(depth, ')'); };
  {
    TestLexer lexer(text(10), false, limits);
    nested(*lexer);
    lexer->end();
  }
  EXPECT_EQ(bad_text([&] {
              TestLexer lexer(text(11), false, limits);
              nested(*lexer);
            }),
            "Nested too deeply");
  EXPECT_EQ(bad_text([&] {
              TestLexer lexer(std::string(60000, '('));
              nested(*lexer);
            }),
            "Nested too deeply");
  // Depth counts open lists, not lists.
  TestLexer lexer(
      "(" +
          [] {
            std::string many = "()";
            for (int i = 0; i < 100; ++i) many += " ()";
            return many;
          }() +
          ")",
      false, limits);
  nested(*lexer);
  lexer->end();
}

TEST(LexerRest, IsEverythingLeft) {
  TestLexer lexer("LOGIN user pass word\"");
  (void)lexer->atom();
  lexer->sp();
  EXPECT_EQ(lexer->rest(), "user pass word\"");
  EXPECT_TRUE(lexer->eof());
  EXPECT_EQ(lexer->rest(), "");
  EXPECT_EQ(lexer->peek_at(5), '\0');
}

}  // namespace
}  // namespace cpm::imap::wire
