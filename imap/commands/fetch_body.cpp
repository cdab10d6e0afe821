// FETCH BODY[section]<partial>, BODY.PEEK and the RFC822 forms (RFC 9051 6.4.5): sections become octet ranges by the
// stored part map; large ones stream from the store in bounded pieces.
#include "imap/commands/fetch_item.h"
#include "imap/mime/header.h"

namespace cpm::imap {

namespace {

using grammar::Section;

mime::SectionText section_text(Section::Text text) {
  switch (text) {
    case Section::Text::all: return mime::SectionText::whole;
    case Section::Text::text: return mime::SectionText::text;
    case Section::Text::mime: return mime::SectionText::mime;
    case Section::Text::header:
    case Section::Text::header_fields:
    case Section::Text::header_fields_not: break;
  }
  return mime::SectionText::header;
}

class BodySection final : public FetchItem {
 public:
  BodySection(Section section, std::optional<grammar::Partial> partial, bool peek, std::string name)
      : section_(std::move(section)), partial_(partial), peek_(peek), name_(std::move(name)) {}

  [[nodiscard]] std::string key() const override {
    std::string spelled = name_;
    wire::Encoder out(spelled, true);
    grammar::write_section(out, section_);
    if (partial_) out.raw("<").number(partial_->offset).raw(".").number(partial_->length);
    return spelled;
  }
  [[nodiscard]] std::uint32_t columns() const override {
    const schema::FetchColumn source = only_header() ? schema::kColumnHeader : schema::kColumnBytes;
    return whole() ? source : schema::kColumnPartMap | source;
  }
  [[nodiscard]] bool needs_row() const override { return true; }
  [[nodiscard]] bool sets_seen() const override { return !peek_; }
  [[nodiscard]] bool has_literal() const override { return true; }

  boost::asio::awaitable<Result<void>> stream(FetchMessage& message) const override {
    write_name(message);
    std::optional<mime::OctetRange> range;
    if (whole()) {
      range = mime::OctetRange{0, message.row->size};
    } else {
      range = message.part_map().resolve(section_.parts, section_text(section_.text));
    }
    if (!range) {
      message.session.out.encoder().raw("NIL");
      co_return Result<void>{};
    }
    const bool header = section_text(section_.text) == mime::SectionText::header;
    if (!header) {
      auto streamed = co_await stream_part(message, *range);
      co_return streamed;
    }
    const std::uint64_t most = message.session.limits().header_octets;
    if (range->size() > most && section_.text == Section::Text::header) {
      auto streamed = co_await stream_part(message, *range);
      co_return streamed;
    }
    auto block = co_await message.octets(range->begin, range->begin + std::min(range->size(), most));
    if (!block) co_return block.error();
    write_header(message, std::move(*block));
    auto sent = co_await message.session.out.relieve();
    co_return sent;
  }

 private:
  boost::asio::awaitable<Result<void>> stream_part(FetchMessage& message, mime::OctetRange range) const {
    const std::uint64_t begin = partial_ ? range.begin + std::min(partial_->offset, range.size()) : range.begin;
    const std::uint64_t end = partial_ ? begin + std::min(partial_->length, range.end - begin) : range.end;
    return stream_literal(message, begin, end);
  }
  [[nodiscard]] bool whole() const { return section_.parts.empty() && section_.text == Section::Text::all; }
  [[nodiscard]] bool only_header() const {
    return section_.parts.empty() && section_text(section_.text) == mime::SectionText::header;
  }
  void write_name(FetchMessage& message) const {
    wire::Encoder out = message.session.out.encoder();
    out.raw(name_);
    if (name_ == "BODY") grammar::write_section(out, section_);
    if (partial_) out.raw("<").number(partial_->offset).raw(">");
    out.sp();
  }
  void write_header(FetchMessage& message, std::string block) const {
    if (section_.text == Section::Text::header) {
      // A message that ends with its header has no blank line; the section has one all the same (reference 5.4).
      const bool blank = block.ends_with("\r\n\r\n") || block.ends_with("\n\n") || block == "\r\n" || block == "\n";
      if (!blank) block += block.empty() || block.ends_with("\n") ? "\r\n" : "\r\n\r\n";
    } else {
      block = mime::select_fields(block, section_.fields, section_.text == Section::Text::header_fields_not);
    }
    std::string_view piece = block;
    if (partial_) {
      piece.remove_prefix(std::min<std::uint64_t>(partial_->offset, piece.size()));
      piece = piece.substr(0, partial_->length);
    }
    message.session.out.encoder().literal_head(piece.size()).raw(piece);
  }

  Section section_;
  std::optional<grammar::Partial> partial_;
  bool peek_;
  std::string name_;
};

}  // namespace

std::shared_ptr<const FetchItem> body_section_item(Section section, std::optional<grammar::Partial> partial, bool peek,
                                                   std::string name) {
  return std::make_shared<BodySection>(std::move(section), partial, peek, std::move(name));
}

}  // namespace cpm::imap
