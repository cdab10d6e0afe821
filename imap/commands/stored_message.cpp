#include "imap/commands/stored_message.h"

#include "imap/mime/decode.h"
#include "imap/mime/header.h"
#include "imap/session/ahead.h"

#include <algorithm>
#include <limits>

namespace cpm::imap {

namespace {

using grammar::Section;

constexpr const char* kShort = "content is shorter than its size";

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

std::string header_of(const Section& section, std::string block) {
  if (section.text != Section::Text::header) {
    return mime::select_fields(block, section.fields, section.text == Section::Text::header_fields_not);
  }
  // A message that ends with its header has no blank line; the section has one all the same (reference 5.4).
  const bool blank = block.ends_with("\r\n\r\n") || block.ends_with("\n\n") || block == "\r\n" || block == "\n";
  if (!blank) block += block.empty() || block.ends_with("\n") ? "\r\n" : "\r\n\r\n";
  return block;
}

}  // namespace

boost::asio::awaitable<Result<std::string>> read_stored(StoredMessage message, std::uint64_t begin, std::uint64_t end) {
  const schema::MessageRow& row = *message.row;
  if (begin >= end) co_return std::string{};
  if (row.bytes) co_return row.bytes->substr(begin, end - begin);
  if (end <= row.header.size()) co_return row.header.substr(begin, end - begin);
  auto work = [account = message.account, content = row.content, begin, length = end - begin](schema::Transaction& tx) {
    return schema::read_octets(tx, account, content, begin, length);
  };
  auto read = co_await message.session.db(std::move(work), schema::Mode::reads);
  co_return read;
}

boost::asio::awaitable<Result<void>> stream_stored(StoredMessage message, std::uint64_t begin, std::uint64_t end) {
  constexpr std::uint64_t kWindow = 512 * 1024;  // two chunks; two windows and the buffer are in memory at a time
  Session& session = message.session;
  Out& out = session.out;
  if (end - begin <= kWindow) {
    auto all = co_await read_stored(message, begin, end);
    if (!all) co_return all.error();
    if (all->size() != end - begin) co_return fail(Failure::corrupt, "", kShort);
    out.encoder().raw(*all);
    auto sent = co_await out.relieve();
    co_return sent;
  }
  Ahead<std::string> ahead(session.stream->executor());
  const auto read = [&](std::uint64_t from) {
    auto work = [account = message.account, content = message.row->content, from,
                 length = std::min(kWindow, end - from)](schema::Transaction& tx) {
      return schema::read_octets(tx, account, content, from, length);
    };
    ahead.start(session.db(std::move(work), schema::Mode::reads));
  };
  read(begin);
  while (begin < end) {
    auto piece = co_await ahead.take();
    if (!piece) co_return piece.error();
    if (session.terminated) co_return being_ended();
    if (piece->size() != std::min(kWindow, end - begin)) co_return fail(Failure::corrupt, "", kShort);
    begin += piece->size();
    if (begin < end) read(begin);
    out.encoder().raw(*piece);
    auto sent = co_await out.relieve();
    if (!sent) co_return sent.error();
  }
  co_return Result<void>{};
}

void SectionOctets::cut(std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t skipped = std::min(offset, size());
  const std::uint64_t left = std::min(length, size() - skipped);
  if (text) {
    text = text->substr(skipped, left);
  } else {
    range.begin += skipped;
    range.end = range.begin + left;
  }
}

boost::asio::awaitable<Result<std::optional<SectionOctets>>> find_section(StoredMessage message,
                                                                          const mime::PartMap* parts,
                                                                          const Section& section) {
  std::optional<SectionOctets> found;
  if (section.parts.empty() && section.text == Section::Text::all) {
    found.emplace();
    found->range = {0, message.row->size};
    co_return found;
  }
  const mime::SectionText text = section_text(section.text);
  const auto range = parts->resolve(section.parts, text);
  if (!range) co_return found;
  found.emplace();
  found->range = *range;
  if (text != mime::SectionText::header) co_return found;
  const std::uint64_t most = message.session.limits().header_octets;
  if (range->size() > most && section.text == Section::Text::header) co_return found;
  auto block = co_await read_stored(message, range->begin, range->begin + std::min(range->size(), most));
  if (!block) co_return block.error();
  found->text = header_of(section, std::move(*block));
  co_return found;
}

std::optional<BinaryTarget> binary_target(const schema::MessageRow& row, const mime::PartMap& parts,
                                          const std::vector<std::uint32_t>& path) {
  if (path.empty()) return BinaryTarget{{0, row.size}, mime::Encoding::identity};
  const mime::PartMap::Entry* entry = parts.find(path);
  if (entry == nullptr) return std::nullopt;
  return BinaryTarget{entry->body, entry->kind == mime::Kind::leaf ? entry->encoding : mime::Encoding::identity};
}

boost::asio::awaitable<Result<DecodedFacts>> measure_decoded(StoredMessage message, BinaryTarget target,
                                                             std::optional<grammar::Partial> partial) {
  const std::uint64_t begin = partial ? partial->offset : 0;
  const std::uint64_t length = partial ? partial->length : std::numeric_limits<std::uint64_t>::max();
  const auto scan = [target, begin, length](ByteSource& source) {
    DecodedFacts facts;
    mime::decode_range(source, target.range.begin, target.range.end, target.encoding, [&](std::string_view piece) {
      // NULs before `begin` or from begin + length on are not sent.
      for (std::size_t at = piece.find('\0'); at != piece.npos && !facts.nul; at = piece.find('\0', at + 1)) {
        const std::uint64_t where = facts.size + at;
        facts.nul = where >= begin && where - begin < length;
      }
      facts.size += piece.size();
      facts.lines += static_cast<std::uint64_t>(std::count(piece.begin(), piece.end(), '\n'));
      return true;
    });
    return facts;
  };
  if (message.row->bytes) {
    MemorySource source(*message.row->bytes);
    co_return scan(source);
  }
  auto work = [account = message.account, content = message.row->content, size = message.row->size,
               scan](schema::Transaction& tx) -> Result<DecodedFacts> {
    schema::ContentSource source(tx, account, content, size);
    return scan(source);
  };
  auto facts = co_await message.session.db(std::move(work), schema::Mode::reads);
  co_return facts;
}

boost::asio::awaitable<Result<void>> stream_decoded(StoredMessage message, BinaryTarget target, DecodedFacts facts,
                                                    std::optional<grammar::Partial> partial) {
  constexpr std::uint64_t kWindow = 256 * 1024;
  std::uint64_t skip = partial ? std::min(partial->offset, facts.size) : 0;
  std::uint64_t left = partial ? std::min(partial->length, facts.size - skip) : facts.size;
  Out& out = message.session.out;
  out.encoder().literal_head(left, facts.nul);
  mime::TransferDecoder decoder(target.encoding);
  for (std::uint64_t at = target.range.begin; left > 0;) {
    std::string decoded;
    if (at < target.range.end) {
      const std::uint64_t stop = std::min(target.range.end, at + kWindow);
      auto piece = co_await read_stored(message, at, stop);
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

}  // namespace cpm::imap
