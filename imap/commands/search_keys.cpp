// All search keys of IMAP4rev1 and IMAP4rev2 (RFC 3501 6.4.4, RFC 9051 6.4.4), MODSEQ (RFC 7162 3.1.5), OLDER and
// YOUNGER (RFC 5032).
#include "imap/extension.h"
#include "imap/grammar/date.h"
#include "imap/grammar/flags.h"
#include "imap/grammar/search_program.h"
#include "imap/mime/casemap.h"

#include <type_traits>

namespace cpm::imap::commands::search_keys {

namespace {

using Kind = SearchNode::Kind;
using schema::Compare;

SearchNode flag_node(std::uint32_t bit) {
  SearchNode node = SearchNode::of(Kind::flag);
  node.bits = bit;
  return node;
}

template <std::uint32_t kBit, bool kHas>
SearchNode flag(wire::Lexer&, SearchContext&) {
  return kHas ? flag_node(kBit) : SearchNode::negated(flag_node(kBit));
}

SearchNode keyword(wire::Lexer& lexer, SearchContext&) {
  lexer.sp();
  schema::FlagSet flags;
  grammar::parse_flag(lexer, flags);
  SearchNode node = SearchNode::of(Kind::flag);
  node.bits = flags.bits;
  if (!flags.keywords.empty()) node.text = flags.keywords.front();
  return node;
}
SearchNode unkeyword(wire::Lexer& lexer, SearchContext& context) {
  return SearchNode::negated(keyword(lexer, context));
}

SearchNode all(wire::Lexer&, SearchContext&) { return SearchNode::of(Kind::all); }
SearchNode recent(wire::Lexer&, SearchContext&) { return SearchNode::of(Kind::recent); }
SearchNode old(wire::Lexer&, SearchContext&) { return SearchNode::negated(SearchNode::of(Kind::recent)); }
SearchNode fresh(wire::Lexer&, SearchContext&) {
  SearchNode node = SearchNode::of(Kind::all_of);
  node.children.push_back(SearchNode::of(Kind::recent));
  node.children.push_back(SearchNode::negated(flag_node(schema::kSeen)));
  return node;
}

SearchNode not_(wire::Lexer& lexer, SearchContext& context) {
  lexer.sp();
  return SearchNode::negated(parse_search_key(lexer, context));
}

SearchNode or_(wire::Lexer& lexer, SearchContext& context) {
  SearchNode node = SearchNode::of(Kind::any_of);
  lexer.sp();
  node.children.push_back(parse_search_key(lexer, context));
  lexer.sp();
  node.children.push_back(parse_search_key(lexer, context));
  return node;
}

SearchNode uid(wire::Lexer& lexer, SearchContext&) {
  lexer.sp();
  SearchNode node = SearchNode::of(Kind::uids);
  node.set = grammar::parse_sequence_set(lexer);
  return node;
}

SearchNode header_node(std::string name, wire::Lexer& lexer, SearchContext& context) {
  SearchText text = parse_search_text(lexer, context);
  if (context.fuzzy && !text.normal.empty()) {
    return SearchNode::alike({schema::FuzzyHas::In::field, std::move(name), std::move(text.normal)});
  }
  return SearchNode::stored(schema::HeaderHas{std::move(name), std::move(text.normal), std::move(text.stricter)});
}

SearchNode header(wire::Lexer& lexer, SearchContext& context) {
  lexer.sp();
  std::string name = mime::unicode_casemap(lexer.astring());
  if (name.empty()) lexer.bad("A header field has a name");
  lexer.sp();
  return header_node(std::move(name), lexer, context);
}

SearchNode named_header(wire::Lexer& lexer, SearchContext& context, const char* name) {
  lexer.sp();
  return header_node(name, lexer, context);
}

template <class Leaf>
SearchNode text(wire::Lexer& lexer, SearchContext& context) {
  lexer.sp();
  SearchText text = parse_search_text(lexer, context);
  if (context.fuzzy && !text.normal.empty()) {
    constexpr auto kIn =
        std::is_same_v<Leaf, schema::BodyHas> ? schema::FuzzyHas::In::body : schema::FuzzyHas::In::text;
    return SearchNode::alike({kIn, {}, std::move(text.normal)});
  }
  return SearchNode::stored(Leaf{std::move(text.normal), std::move(text.stricter)});
}

template <class Leaf, Compare kCompare>
SearchNode date(wire::Lexer& lexer, SearchContext&) {
  lexer.sp();
  return SearchNode::stored(Leaf{kCompare, grammar::parse_date(lexer)});
}

template <Compare kCompare>
SearchNode size(wire::Lexer& lexer, SearchContext&) {
  lexer.sp();
  return SearchNode::stored(schema::SizeIs{kCompare, lexer.number64()});
}

template <Compare kCompare>
SearchNode within(wire::Lexer& lexer, SearchContext&) {
  lexer.sp();
  const auto interval = std::chrono::seconds(lexer.nz_number());
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return SearchNode::stored(schema::InternalTimeIs{kCompare, now - interval});
}

SearchNode modseq(wire::Lexer& lexer, SearchContext& context) {
  lexer.sp();
  if (lexer.peek() == '"') {
    // Entry name and type: one MODSEQ per message is kept, which the RFC allows (RFC 7162 3.1.5).
    const std::string entry = lexer.string();
    if (!entry.starts_with("/flags/")) lexer.bad("Unknown metadata item");
    lexer.sp();
    const std::string type = lexer.word();
    if (type != "PRIV" && type != "SHARED" && type != "ALL") lexer.bad("Unknown metadata type");
    lexer.sp();
  }
  SearchNode node = SearchNode::of(Kind::modseq);
  node.number = lexer.number64();
  context.uses_modseq = true;
  return node;
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "search_keys";
  extension.rfcs = {"RFC 3501", "RFC 9051", "RFC 7162", "RFC 5032"};
  extension.requires_names = {"search"};
  extension.capabilities = {{"WITHIN"}};
  extension.search_keys = {
      {"ALL", all},
      {"ANSWERED", flag<schema::kAnswered, true>},
      {"UNANSWERED", flag<schema::kAnswered, false>},
      {"DELETED", flag<schema::kDeleted, true>},
      {"UNDELETED", flag<schema::kDeleted, false>},
      {"DRAFT", flag<schema::kDraft, true>},
      {"UNDRAFT", flag<schema::kDraft, false>},
      {"FLAGGED", flag<schema::kFlagged, true>},
      {"UNFLAGGED", flag<schema::kFlagged, false>},
      {"SEEN", flag<schema::kSeen, true>},
      {"UNSEEN", flag<schema::kSeen, false>},
      {"KEYWORD", keyword},
      {"UNKEYWORD", unkeyword},
      {"NEW", fresh},
      {"OLD", old},
      {"RECENT", recent},
      {"NOT", not_},
      {"OR", or_},
      {"UID", uid},
      {"HEADER", header},
      {"FROM", [](wire::Lexer& lexer, SearchContext& context) { return named_header(lexer, context, "FROM"); }},
      {"TO", [](wire::Lexer& lexer, SearchContext& context) { return named_header(lexer, context, "TO"); }},
      {"CC", [](wire::Lexer& lexer, SearchContext& context) { return named_header(lexer, context, "CC"); }},
      {"BCC", [](wire::Lexer& lexer, SearchContext& context) { return named_header(lexer, context, "BCC"); }},
      {"SUBJECT", [](wire::Lexer& lexer, SearchContext& context) { return named_header(lexer, context, "SUBJECT"); }},
      {"BODY", text<schema::BodyHas>},
      {"TEXT", text<schema::TextHas>},
      {"BEFORE", date<schema::InternalDateIs, Compare::less>},
      {"ON", date<schema::InternalDateIs, Compare::equal>},
      {"SINCE", date<schema::InternalDateIs, Compare::greater_equal>},
      {"SENTBEFORE", date<schema::SentDateIs, Compare::less>},
      {"SENTON", date<schema::SentDateIs, Compare::equal>},
      {"SENTSINCE", date<schema::SentDateIs, Compare::greater_equal>},
      {"LARGER", size<Compare::greater>},
      {"SMALLER", size<Compare::less>},
      {"OLDER", within<Compare::less_equal>},
      {"YOUNGER", within<Compare::greater_equal>},
      {"MODSEQ", modseq},
  };
  return extension;
}

}  // namespace cpm::imap::commands::search_keys
