// SAVEDATE (RFC 8514): when a message came into its mailbox. Kept for every message, so SAVEDATESUPPORTED matches all.
#include "imap/commands/fetch_item.h"
#include "imap/grammar/date.h"
#include "imap/grammar/search_program.h"

namespace cpm::imap::ext::savedate {

namespace {

class SaveDateItem final : public FetchItem {
 public:
  [[nodiscard]] std::string key() const override { return "SAVEDATE"; }
  [[nodiscard]] bool needs_row() const override { return true; }
  void write(FetchMessage& message, wire::Encoder& out) const override {
    out.raw("SAVEDATE ").date_time(message.row->save_date);
  }
};

FetchItems parse_item(wire::Lexer&, const ParseContext&) { return {std::make_shared<SaveDateItem>()}; }

template <schema::Compare kCompare>
SearchNode saved(wire::Lexer& lexer, SearchContext&) {
  lexer.sp();
  return SearchNode::stored(schema::SaveDateIs{kCompare, grammar::parse_date(lexer)});
}

SearchNode supported(wire::Lexer&, SearchContext&) { return SearchNode::of(SearchNode::Kind::all); }

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "savedate";
  extension.rfcs = {"RFC 8514"};
  extension.requires_names = {"fetch", "search"};
  extension.capabilities = {{"SAVEDATE"}};
  extension.fetch_items = {{"SAVEDATE", parse_item}};
  extension.search_keys = {{"SAVEDBEFORE", saved<schema::Compare::less>},
                           {"SAVEDON", saved<schema::Compare::equal>},
                           {"SAVEDSINCE", saved<schema::Compare::greater_equal>},
                           {"SAVEDATESUPPORTED", supported}};
  return extension;
}

}  // namespace cpm::imap::ext::savedate
