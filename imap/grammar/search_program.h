// The SEARCH program as a tree (RFC 9051 6.4.4): leaves that the mailbox snapshot answers (flags, UIDs, numbers,
// MODSEQ) and leaves that the store answers (schema::SearchLeaf). Keys register their parsers (Extension::search_keys).
// Runs on: any thread. Value types.
#pragma once

#include "imap/grammar/sequence_set.h"
#include "imap/wire/lexer.h"
#include "schema/message_flags.h"
#include "schema/search.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cpm::imap {

class Registry;

struct SearchNode {
  enum class Kind {
    all,      // every message
    all_of,   // children, at least one
    any_of,   // children (OR)
    not_,     // one child
    flag,     // has the flag `bits` or the keyword `text`
    recent,   // \Recent
    numbers,  // sequence numbers in `set`
    uids,     // UIDs in `set`
    modseq,   // MODSEQ >= number
    leaf,     // asked of the store
    filter,   // the filter named `text`: put in its place before evaluation (imap/session/filters.h)
    fuzzy,    // asked of the store, by similarity (RFC 6203)
  };
  Kind kind = Kind::all;
  std::vector<SearchNode> children;
  std::uint32_t bits = 0;
  std::string text;
  grammar::SequenceSet set;
  std::uint64_t number = 0;
  schema::SearchLeaf leaf;
  schema::FuzzyHas similar;

  [[nodiscard]] static SearchNode of(Kind kind) {
    SearchNode node;
    node.kind = kind;
    return node;
  }
  [[nodiscard]] static SearchNode negated(SearchNode child) {
    SearchNode node = of(Kind::not_);
    node.children.push_back(std::move(child));
    return node;
  }
  [[nodiscard]] static SearchNode alike(schema::FuzzyHas similar) {
    SearchNode node = of(Kind::fuzzy);
    node.similar = std::move(similar);
    return node;
  }
  [[nodiscard]] static SearchNode stored(schema::SearchLeaf leaf) {
    SearchNode node = of(Kind::leaf);
    node.leaf = std::move(leaf);
    return node;
  }
};

// State of parsing one program; key parsers use it.
struct SearchContext {
  const Registry& registry;
  std::string charset;       // empty: US-ASCII or UTF-8
  bool bad_charset = false;  // named, but not known: NO [BADCHARSET]
  bool no_charset = false;   // UTF8=ACCEPT is enabled: CHARSET may not be given (RFC 6855 3)
  bool uses_modseq = false;  // the reply carries MODSEQ (RFC 7162 3.1.5)
  bool uses_filter = false;  // CHARSET can only be US-ASCII or UTF-8 then (RFC 5466 3.1)
  std::size_t keys = 0;
  Collation collation = Collation::unicode_casemap;  // the session's (RFC 5255 4)
  bool fuzzy = false;                                // within FUZZY
  bool uses_fuzzy = false;                           // FUZZY is given: RELEVANCY may be
};

// An astring of the program: normalised (UTF-8, i;unicode-casemap), and as another collation wants it.
struct SearchText {
  std::string normal;
  std::optional<schema::Stricter> stricter;
};
[[nodiscard]] SearchText parse_search_text(wire::Lexer& lexer, SearchContext& context);
// One search-key.
[[nodiscard]] SearchNode parse_search_key(wire::Lexer& lexer, SearchContext& context);
// search-program: ["CHARSET" SP charset SP] search-key *(SP search-key), up to the end of the command.
[[nodiscard]] SearchNode parse_search_program(wire::Lexer& lexer, SearchContext& context);
// As filters are stored (RFC 5466 4): search-key *(SP search-key), in UTF-8, up to the end.
[[nodiscard]] SearchNode parse_stored_keys(wire::Lexer& lexer, SearchContext& context);
// search-criteria of SORT and THREAD (RFC 5256 5): charset 1*(SP search-key), up to the end of the command. Once
// UTF8=ACCEPT is enabled only a charset that is a part of UTF-8 is taken (RFC 6855 3).
[[nodiscard]] SearchNode parse_search_criteria(wire::Lexer& lexer, SearchContext& context);

}  // namespace cpm::imap
