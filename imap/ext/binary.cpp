// BINARY (RFC 3516): BINARY[…], BINARY.PEEK[…], BINARY.SIZE[…]. Parts are decoded as they stream; literal8 is used only
// for octets that need it. Deposit of literal8 is in commands/append.
#include "imap/commands/fetch_item.h"

namespace cpm::imap::ext::binary {

namespace {

class BinaryItem final : public FetchItem {
 public:
  BinaryItem(grammar::Section section, std::optional<grammar::Partial> partial, bool peek, bool size_only)
      : section_(std::move(section)), partial_(partial), peek_(peek), size_only_(size_only) {}

  [[nodiscard]] std::string key() const override {
    std::string spelled = size_only_ ? "BINARY.SIZE" : "BINARY";
    wire::Encoder out(spelled, true);
    grammar::write_section(out, section_);
    if (partial_) out.raw("<").number(partial_->offset).raw(".").number(partial_->length);
    return spelled;
  }
  [[nodiscard]] std::uint32_t columns() const override { return schema::kColumnPartMap | schema::kColumnBytes; }
  [[nodiscard]] bool sets_seen() const override { return !peek_ && !size_only_; }
  [[nodiscard]] bool has_literal() const override { return true; }

  boost::asio::awaitable<Result<void>> stream(FetchMessage& message) const override {
    const auto target = binary_target(*message.row, message.part_map(), section_.parts);
    if (target && target->encoding == mime::Encoding::unknown) {
      co_return fail(Failure::unknown_cte, "Cannot decode the transfer encoding of that part");
    }
    write_name(message);
    if (!target) {
      message.session.out.encoder().raw(size_only_ ? "0" : "NIL");
      co_return Result<void>{};
    }
    const StoredMessage stored = message.stored();
    auto facts = co_await measure_decoded(stored, *target, partial_);
    if (!facts) co_return facts.error();
    if (size_only_) {
      message.session.out.encoder().number(facts->size);
      co_return Result<void>{};
    }
    auto sent = co_await stream_decoded(stored, *target, *facts, partial_);
    co_return sent;
  }

 private:
  void write_name(FetchMessage& message) const {
    wire::Encoder out = message.session.out.encoder();
    out.raw(size_only_ ? "BINARY.SIZE" : "BINARY");
    grammar::write_section(out, section_);
    if (partial_) out.raw("<").number(partial_->offset).raw(">");
    out.sp();
  }

  grammar::Section section_;
  std::optional<grammar::Partial> partial_;
  bool peek_;
  bool size_only_;
};

FetchItems parse_item(wire::Lexer& lexer, bool peek) {
  grammar::Section section = grammar::parse_binary_section(lexer);
  auto partial = grammar::parse_partial(lexer);
  return {std::make_shared<BinaryItem>(std::move(section), partial, peek, false)};
}

FetchItems parse_binary(wire::Lexer& lexer, const ParseContext&) { return parse_item(lexer, false); }
FetchItems parse_peek(wire::Lexer& lexer, const ParseContext&) { return parse_item(lexer, true); }
FetchItems parse_size(wire::Lexer& lexer, const ParseContext&) {
  return {std::make_shared<BinaryItem>(grammar::parse_binary_section(lexer), std::nullopt, true, true)};
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "binary";
  extension.rfcs = {"RFC 3516", "RFC 9051"};
  extension.capabilities = {{"BINARY"}};
  extension.fetch_items = {{"BINARY", parse_binary}, {"BINARY.PEEK", parse_peek}, {"BINARY.SIZE", parse_size}};
  extension.response_codes = {"UNKNOWN-CTE"};
  return extension;
}

}  // namespace cpm::imap::ext::binary
