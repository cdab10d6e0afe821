// BINARY (RFC 3516): BINARY[…], BINARY.PEEK[…], BINARY.SIZE[…]. Parts are decoded as they stream; literal8 is used only
// for octets that need it. Deposit of literal8 is in commands/append.
#include "imap/commands/fetch_item.h"
#include "imap/mime/decode.h"

namespace cpm::imap::ext::binary {

namespace {

struct Target {
  mime::OctetRange range;
  mime::Encoding encoding = mime::Encoding::identity;
};

// The decodable body of a part; multiparts and whole messages are taken as they are.
std::optional<Target> find_target(FetchMessage& message, const std::vector<std::uint32_t>& parts) {
  if (parts.empty()) return Target{{0, message.row->size}, mime::Encoding::identity};
  const mime::PartMap::Entry* entry = message.part_map().find(parts);
  if (entry == nullptr) return std::nullopt;
  return Target{entry->body, entry->kind == mime::Kind::leaf ? entry->encoding : mime::Encoding::identity};
}

struct Facts {
  std::uint64_t size = 0;
  bool nul = false;
};

// Octets after decoding, and whether there is a NUL among those of the window asked for.
boost::asio::awaitable<Result<Facts>> measure(FetchMessage& message, Target target) {
  const AccountId account = message.session.principal->account;
  const ContentId content = message.row->content;
  const std::uint64_t size = message.row->size;
  std::shared_ptr<const std::string> bytes;
  if (message.row->bytes) bytes = std::make_shared<std::string>(*message.row->bytes);
  const auto scan = [target](ByteSource& source) {
    Facts facts;
    mime::decode_range(source, target.range.begin, target.range.end, target.encoding, [&facts](std::string_view piece) {
      facts.size += piece.size();
      facts.nul = facts.nul || piece.find('\0') != std::string_view::npos;
      return true;
    });
    return facts;
  };
  if (bytes) {
    MemorySource source(*bytes);
    co_return scan(source);
  }
  auto work = [account, content, size, scan](schema::Transaction& tx) -> Result<Facts> {
    schema::ContentSource source(tx, account, content, size);
    return scan(source);
  };
  auto facts = co_await message.session.db(std::move(work), schema::Mode::reads);
  co_return facts;
}

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
    const auto target = find_target(message, section_.parts);
    if (target && target->encoding == mime::Encoding::unknown) {
      co_return fail(Failure::unknown_cte, "Cannot decode the transfer encoding of that part");
    }
    write_name(message);
    if (!target) {
      message.session.out.encoder().raw(size_only_ ? "0" : "NIL");
      co_return Result<void>{};
    }
    auto facts = co_await measure(message, *target);
    if (!facts) co_return facts.error();
    if (size_only_) {
      message.session.out.encoder().number(facts->size);
      co_return Result<void>{};
    }
    auto sent = co_await send(message, *target, *facts);
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

  boost::asio::awaitable<Result<void>> send(FetchMessage& message, Target target, Facts facts) const {
    constexpr std::uint64_t kWindow = 256 * 1024;
    std::uint64_t skip = partial_ ? std::min(partial_->offset, facts.size) : 0;
    std::uint64_t left = partial_ ? std::min(partial_->length, facts.size - skip) : facts.size;
    Out& out = message.session.out;
    out.encoder().literal_head(left, facts.nul);
    mime::TransferDecoder decoder(target.encoding);
    for (std::uint64_t at = target.range.begin; left > 0;) {
      std::string decoded;
      if (at < target.range.end) {
        const std::uint64_t stop = std::min(target.range.end, at + kWindow);
        auto piece = co_await message.octets(at, stop);
        if (!piece) co_return piece.error();
        decoder.feed(*piece, decoded);
        at = stop;
      } else {
        decoder.finish(decoded);
        if (decoded.size() < skip + left) co_return fail(Failure::corrupt, "", "decoded part is shorter than measured");
      }
      std::string_view view = decoded;
      const std::uint64_t dropped = std::min<std::uint64_t>(skip, view.size());
      view.remove_prefix(dropped);
      skip -= dropped;
      view = view.substr(0, left);
      left -= view.size();
      out.encoder().raw(view);
      auto sent = co_await out.relieve();
      if (!sent) co_return sent.error();
    }
    co_return Result<void>{};
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
