#include "schema/fetch.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace cpm::schema {

namespace {

// Chunks of one content are equally long but for the last: the first one's length (known without reading its data)
// tells which hold the range. No row: the content is purged; a null: the range is behind the end.
constexpr Query kOctets{"content_octets",
                        "select p.data from content x left join lateral ("
                        "select substr(c.data, (greatest($3 - c.n * s.size, 0) + 1)::int,"
                        "  (least(s.size, $3 + $4 - c.n * s.size) - greatest($3 - c.n * s.size, 0))::int) as data"
                        " from (select octet_length(f.data)::bigint as size from content_chunk f"
                        "       where f.account_id = $1 and f.content_id = $2 and f.n = 0) s"
                        " join content_chunk c on c.account_id = $1 and c.content_id = $2"
                        "  and c.n between $3 / s.size and ($3 + $4 - 1) / s.size order by c.n) p on true"
                        " where x.account_id = $1 and x.content_id = $2"};

constexpr std::uint64_t kReadAhead = 512 * 1024;

}  // namespace

Result<std::string> read_octets(Transaction& tx, AccountId account, ContentId content, std::uint64_t offset,
                                std::uint64_t length) {
  if (length == 0 || offset > kMaxWireNumber) return std::string();
  length = std::min<std::uint64_t>(length, kMaxWireNumber);
  const BinaryRows rows = tx.exec_binary(kOctets, account.value, content.value, offset, length);
  if (rows.empty()) return fail(Failure::expunged, "the message is gone");
  std::size_t total = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) total += rows.octets(i, 0).size();
  std::string out;
  out.reserve(total);
  for (std::size_t i = 0; i < rows.size(); ++i) out += rows.octets(i, 0);
  return out;
}

ContentSource::ContentSource(Transaction& tx, AccountId account, ContentId content, std::uint64_t size)
    : tx_(tx), account_(account), content_(content), size_(size) {}

std::size_t ContentSource::read(std::uint64_t offset, char* to, std::size_t length) {
  if (offset >= size_ || length == 0) return 0;
  if (offset < window_begin_ || offset >= window_begin_ + window_.size()) {
    const std::uint64_t begin = offset / kReadAhead * kReadAhead;
    auto window = read_octets(tx_, account_, content_, begin, kReadAhead);
    if (!window) throw std::runtime_error("content: " + window.error().text);
    if (window->size() != std::min(kReadAhead, size_ - begin))
      throw std::runtime_error("content: its octets end early");
    window_ = std::move(*window);
    window_begin_ = begin;
  }
  const auto skip = static_cast<std::size_t>(offset - window_begin_);
  const std::size_t count = std::min(length, window_.size() - skip);
  std::memcpy(to, window_.data() + skip, count);
  return count;
}

}  // namespace cpm::schema
