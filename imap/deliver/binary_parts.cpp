#include "imap/deliver/binary_parts.h"

#include "imap/mime/header.h"
#include "imap/mime/structure.h"

#include <openssl/evp.h>

#include <algorithm>

namespace cpm::imap {

namespace {

constexpr std::size_t kLine = 57;  // octets of one base64 line of 76 columns
constexpr std::size_t kBlock = kLine * 1024;

// Calls take(piece) for [begin, end) in blocks; false ends it.
template <class Take>
bool blocks(ByteSource& source, std::uint64_t begin, std::uint64_t end, Take take) {
  std::string block(kBlock, '\0');
  while (begin < end) {
    // Full blocks, so that base64 lines do not break at their ends.
    std::size_t filled = 0;
    const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), end - begin));
    while (filled < want) {
      const std::size_t got = source.read(begin + filled, block.data() + filled, want - filled);
      if (got == 0) return true;
      filled += got;
    }
    if (!take(std::string_view(block).substr(0, filled))) return false;
    begin += filled;
  }
  return true;
}

bool nul_between(ByteSource& source, std::uint64_t begin, std::uint64_t end) {
  return !blocks(source, begin, end, [](std::string_view piece) { return piece.find('\0') == std::string_view::npos; });
}

class Rewriter {
 public:
  Rewriter(ByteSource& source, Spool& out) : source_(source), out_(out) {}

  Result<void> part(const mime::Part& part) {
    for (const mime::Part& child : part.children) CPM_CHECK(this->part(child));
    const bool identity = part.encoding == mime::Encoding::identity;
    if (part.kind != mime::Kind::leaf || !identity || !nul_between(source_, part.body_begin, part.body_end)) return {};
    CPM_CHECK(copy_to(part.header_begin));
    CPM_CHECK(header(part));
    CPM_CHECK(body(part));
    at_ = part.body_end;
    return {};
  }
  Result<void> copy_to(std::uint64_t end) {
    Result<void> copied;
    blocks(source_, at_, end, [&](std::string_view piece) {
      copied = piece.find('\0') == std::string_view::npos
                   ? out_.append(piece)
                   : Result<void>(fail(Failure::unknown_cte, "NUL outside a binary part"));
      return copied.has_value();
    });
    at_ = end;
    return copied;
  }

 private:
  Result<void> header(const mime::Part& part) {
    std::string block;
    blocks(source_, part.header_begin, part.header_end, [&block](std::string_view piece) {
      block += piece;
      return true;
    });
    if (block.find('\0') != std::string::npos) return fail(Failure::unknown_cte, "NUL in a header");
    std::string fresh;
    for (const mime::HeaderField& field : mime::header_fields(block)) {
      if (!mime::equals_ignore_case(field.name, "Content-Transfer-Encoding")) fresh += field.raw;
    }
    return out_.append(fresh + "Content-Transfer-Encoding: base64\r\n\r\n");
  }
  Result<void> body(const mime::Part& part) {
    Result<void> written;
    blocks(source_, part.body_begin, part.body_end, [&](std::string_view piece) {
      std::string lines;
      for (std::size_t i = 0; i < piece.size(); i += kLine) {
        const std::string_view line = piece.substr(i, kLine);
        unsigned char encoded[80];
        const int n = EVP_EncodeBlock(encoded, reinterpret_cast<const unsigned char*>(line.data()),
                                      static_cast<int>(line.size()));
        lines.append(reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(n));
        lines += "\r\n";
      }
      written = out_.append(lines);
      return written.has_value();
    });
    return written;
  }

  ByteSource& source_;
  Spool& out_;
  std::uint64_t at_ = 0;
};

}  // namespace

bool has_nul(ByteSource& source) { return nul_between(source, 0, source.size()); }

Result<Spool> encode_binary_parts(ByteSource& source, const Limits& limits, const std::string& spool_directory) {
  Spool out(limits, spool_directory);
  Rewriter rewriter(source, out);
  const mime::Part message = mime::parse_structure(source, limits);
  CPM_CHECK(rewriter.part(message));
  CPM_CHECK(rewriter.copy_to(source.size()));
  return out;
}

}  // namespace cpm::imap
