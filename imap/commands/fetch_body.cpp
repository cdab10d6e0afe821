// FETCH BODY[section]<partial>, BODY.PEEK and the RFC822 forms (RFC 9051 6.4.5): sections become octet ranges by the
// stored part map; large ones stream from the store in bounded pieces.
#include "imap/commands/fetch_item.h"

namespace cpm::imap {

namespace {

using grammar::Section;

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
    const mime::PartMap* parts = whole() ? nullptr : &message.part_map();
    const StoredMessage stored = message.stored();
    auto found = co_await find_section(stored, parts, section_);
    if (!found) co_return found.error();
    Out& out = message.session.out;
    if (!*found) {
      out.encoder().raw("NIL");
      co_return Result<void>{};
    }
    SectionOctets& octets = **found;
    if (partial_) octets.cut(partial_->offset, partial_->length);
    out.encoder().literal_head(octets.size());
    Result<void> sent;
    if (octets.text) {
      out.encoder().raw(*octets.text);
      sent = co_await out.relieve();
    } else {
      sent = co_await stream_stored(stored, octets.range.begin, octets.range.end);
    }
    co_return sent;
  }

 private:
  [[nodiscard]] bool whole() const { return section_.parts.empty() && section_.text == Section::Text::all; }
  [[nodiscard]] bool only_header() const {
    const bool header = section_.text == Section::Text::header || section_.text == Section::Text::header_fields ||
                        section_.text == Section::Text::header_fields_not;
    return section_.parts.empty() && header;
  }
  void write_name(FetchMessage& message) const {
    wire::Encoder out = message.session.out.encoder();
    out.raw(name_);
    if (name_ == "BODY") grammar::write_section(out, section_);
    if (partial_) out.raw("<").number(partial_->offset).raw(">");
    out.sp();
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
