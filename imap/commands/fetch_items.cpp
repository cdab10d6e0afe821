// The small FETCH items (RFC 9051 6.4.5): UID, FLAGS, INTERNALDATE, RFC822.SIZE, ENVELOPE, BODY, BODYSTRUCTURE, MODSEQ.
// Envelope and structures are stored as ready octets (design decision 8).
#include "imap/commands/fetch_item.h"
#include "imap/response/responses.h"

#include <algorithm>

namespace cpm::imap {

const mime::PartMap& FetchMessage::part_map() {
  if (!parts) {
    auto decoded = mime::PartMap::decode(row->part_map);
    parts = decoded ? std::move(*decoded) : mime::PartMap{};
  }
  return *parts;
}

StoredMessage FetchMessage::stored() const { return {session, session.selected->view.snapshot().mailbox.account, row}; }

boost::asio::awaitable<Result<void>> FetchItem::stream(FetchMessage&) const { co_return Result<void>{}; }
boost::asio::awaitable<void> FetchItem::finish(Session&) const { co_return; }
boost::asio::awaitable<Result<void>> FetchItem::prepare(Session&, const UidSet&) const { co_return Result<void>{}; }

namespace {

// A small item is a name, the columns it needs and how it is written.
class SmallItem final : public FetchItem {
 public:
  using Write = void (*)(FetchMessage&, wire::Encoder&);
  SmallItem(std::string name, std::uint32_t columns, bool row, Write how)
      : name_(std::move(name)), columns_(columns), row_(row), write_(how) {}
  [[nodiscard]] std::string key() const override { return name_; }
  [[nodiscard]] std::uint32_t columns() const override { return columns_; }
  [[nodiscard]] bool needs_row() const override { return row_; }
  void write(FetchMessage& message, wire::Encoder& out) const override { write_(message, out); }

 private:
  std::string name_;
  std::uint32_t columns_;
  bool row_;
  Write write_;
};

FetchItems small(std::string name, std::uint32_t columns, bool row, SmallItem::Write write) {
  return {std::make_shared<SmallItem>(std::move(name), columns, row, write)};
}

void write_flags(FetchMessage& message, wire::Encoder& out) {
  out.raw("FLAGS ").flags(flag_names_for(message.session, message.flags, message.keywords));
}

FetchItems parse_uid(wire::Lexer&, const ParseContext&) { return {uid_item()}; }
FetchItems parse_flags(wire::Lexer&, const ParseContext&) { return {flags_item()}; }
FetchItems parse_modseq(wire::Lexer&, const ParseContext&) { return {modseq_item()}; }

FetchItems parse_internaldate(wire::Lexer&, const ParseContext&) {
  return small("INTERNALDATE", 0, true, [](FetchMessage& message, wire::Encoder& out) {
    out.raw("INTERNALDATE ").date_time(message.row->internal_date);
  });
}

FetchItems parse_size(wire::Lexer&, const ParseContext&) {
  return small("RFC822.SIZE", 0, true,
               [](FetchMessage& message, wire::Encoder& out) { out.raw("RFC822.SIZE ").number(message.row->size); });
}

FetchItems parse_envelope(wire::Lexer&, const ParseContext&) {
  return small("ENVELOPE", schema::kColumnEnvelope, true,
               [](FetchMessage& message, wire::Encoder& out) { out.raw("ENVELOPE ").raw(message.row->envelope); });
}

FetchItems parse_bodystructure(wire::Lexer&, const ParseContext&) {
  return small("BODYSTRUCTURE", schema::kColumnBodyStructure, true, [](FetchMessage& message, wire::Encoder& out) {
    out.raw("BODYSTRUCTURE ").raw(message.row->body_structure);
  });
}

FetchItems body() {
  return small("BODY", schema::kColumnBody, true,
               [](FetchMessage& message, wire::Encoder& out) { out.raw("BODY ").raw(message.row->body); });
}

FetchItems section(wire::Lexer& lexer, bool peek) {
  grammar::Section parsed = grammar::parse_section(lexer);
  auto partial = grammar::parse_partial(lexer);
  return {body_section_item(std::move(parsed), partial, peek, "BODY")};
}

FetchItems parse_body(wire::Lexer& lexer, const ParseContext&) {
  return lexer.peek() == '[' ? section(lexer, false) : body();
}
FetchItems parse_body_peek(wire::Lexer& lexer, const ParseContext&) { return section(lexer, true); }

FetchItems rfc822(const char* name, grammar::Section::Text text, bool peek) {
  grammar::Section section_;
  section_.text = text;
  return {body_section_item(std::move(section_), std::nullopt, peek, name)};
}

void append(FetchItems& to, FetchItems more) { to.insert(to.end(), more.begin(), more.end()); }

FetchItems parse_fast(wire::Lexer& lexer, const ParseContext& context) {
  FetchItems items = parse_flags(lexer, context);
  append(items, parse_internaldate(lexer, context));
  append(items, parse_size(lexer, context));
  return items;
}
FetchItems parse_all(wire::Lexer& lexer, const ParseContext& context) {
  FetchItems items = parse_fast(lexer, context);
  append(items, parse_envelope(lexer, context));
  return items;
}
FetchItems parse_full(wire::Lexer& lexer, const ParseContext& context) {
  FetchItems items = parse_all(lexer, context);
  append(items, body());
  return items;
}

}  // namespace

std::shared_ptr<const FetchItem> uid_item() {
  static const auto item = std::make_shared<SmallItem>("UID", 0, false, [](FetchMessage& message, wire::Encoder& out) {
    out.raw("UID ").number(message.flags.uid.value);
  });
  return item;
}

std::shared_ptr<const FetchItem> flags_item() {
  static const auto item = std::make_shared<SmallItem>("FLAGS", 0, false, write_flags);
  return item;
}

std::shared_ptr<const FetchItem> modseq_item() {
  static const auto item =
      std::make_shared<SmallItem>("MODSEQ", 0, false, [](FetchMessage& message, wire::Encoder& out) {
        out.raw("MODSEQ (").number(message.flags.modseq.value).raw(")");
      });
  return item;
}

}  // namespace cpm::imap

namespace cpm::imap::commands::fetch_items {

Extension describe() {
  Extension extension;
  extension.name = "fetch_items";
  extension.rfcs = {"RFC 3501", "RFC 9051"};
  extension.requires_names = {"fetch"};
  using Text = grammar::Section::Text;
  extension.fetch_items = {
      {"UID", parse_uid},
      {"FLAGS", parse_flags},
      {"MODSEQ", parse_modseq},
      {"INTERNALDATE", parse_internaldate},
      {"RFC822.SIZE", parse_size},
      {"ENVELOPE", parse_envelope},
      {"BODYSTRUCTURE", parse_bodystructure},
      {"BODY", parse_body},
      {"BODY.PEEK", parse_body_peek},
      {"RFC822", [](wire::Lexer&, const ParseContext&) { return rfc822("RFC822", Text::all, false); }},
      {"RFC822.HEADER", [](wire::Lexer&, const ParseContext&) { return rfc822("RFC822.HEADER", Text::header, true); }},
      {"RFC822.TEXT", [](wire::Lexer&, const ParseContext&) { return rfc822("RFC822.TEXT", Text::text, false); }},
      {"FAST", parse_fast},
      {"ALL", parse_all},
      {"FULL", parse_full},
  };
  return extension;
}

}  // namespace cpm::imap::commands::fetch_items
