#include "imap/grammar/sort_program.h"

#include "imap/grammar/annotation_entry.h"
#include "imap/registry.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace cpm::imap {

namespace {

struct Name {
  std::string_view name;
  SortKey key;
};
constexpr std::array<Name, 11> kNames = {{{"ARRIVAL", SortKey::arrival},
                                          {"CC", SortKey::cc},
                                          {"DATE", SortKey::date},
                                          {"FROM", SortKey::from},
                                          {"SIZE", SortKey::size},
                                          {"SUBJECT", SortKey::subject},
                                          {"TO", SortKey::to},
                                          {"DISPLAYFROM", SortKey::display_from},
                                          {"DISPLAYTO", SortKey::display_to},
                                          {"RELEVANCY", SortKey::relevancy},
                                          {"ANNOTATION", SortKey::annotation}}};

SortKey parse_key(wire::Lexer& lexer, const ParseContext& context, const std::string& word) {
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(), [&](const Name& one) { return one.name == word; });
  const bool display = word.starts_with("DISPLAY");
  const bool off = (display && !context.registry.has("sort_display")) ||
                   (word == "RELEVANCY" && !context.registry.has("fuzzy")) ||
                   (word == "ANNOTATION" && !context.registry.has("annotate"));
  if (found == kNames.end() || off) {
    lexer.bad("Unknown sort criterion " + word);
  }
  return found->key;
}

// entry SP att-sort (RFC 5257 4.9).
void parse_annotation(wire::Lexer& lexer, SortCriterion& criterion) {
  lexer.sp();
  criterion.entry = grammar::parse_annotation_entry(lexer);
  lexer.sp();
  const std::string attribute = lexer.word();
  if (attribute != "VALUE.PRIV" && attribute != "VALUE.SHARED") lexer.bad("Sorted by value.priv or value.shared");
  criterion.shared = attribute == "VALUE.SHARED";
}

}  // namespace

SortOrder parse_sort_criteria(wire::Lexer& lexer, const ParseContext& context) {
  constexpr std::size_t kMost = 64;
  SortOrder order;
  std::size_t count = 0;
  lexer.list(false, [&] {
    if (++count > kMost) lexer.bad("Too many sort criteria");
    std::string word = lexer.word();
    SortCriterion criterion;
    if (word == "REVERSE") {
      criterion.reverse = true;
      lexer.sp();
      word = lexer.word();
    }
    criterion.key = parse_key(lexer, context, word);
    if (criterion.key == SortKey::annotation) parse_annotation(lexer, criterion);
    const bool again =
        std::any_of(order.begin(), order.end(), [&](const SortCriterion& one) { return one.same_key(criterion); });
    if (!again) order.push_back(std::move(criterion));
  });
  return order;
}

}  // namespace cpm::imap
