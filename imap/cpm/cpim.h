// message/cpim bodies (RFC 3862): message headers, then the MIME headers of the content, then the content. Tolerant:
// bare LF, `Name:value` without a blank, folded lines, stray or missing blank lines, content without MIME headers. Runs
// on: the thread of the ByteSource.
#pragma once

#include "base/byte_source.h"
#include "imap/mime/structure.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::cpm_objects {

inline constexpr std::string_view kImdnNamespace = "urn:ietf:params:imdn";  // RFC 5438 6

struct CpimHeader {
  std::string space;  // URI of the name's namespace; empty: that of RFC 3862
  std::string name;   // without prefix, as written
  std::string value;  // unfolded, escapes of RFC 3862 2.3 resolved
};

class Cpim {
 public:
  // `part`: the message/cpim part of `octets`, which must outlive this.
  Cpim(ByteSource& octets, const mime::Part& part);
  ~Cpim();
  Cpim(const Cpim&) = delete;
  Cpim& operator=(const Cpim&) = delete;

  [[nodiscard]] const std::vector<CpimHeader>& headers() const { return headers_; }
  // The first header of that name (names compare without case: senders differ); empty: there is none.
  [[nodiscard]] std::string_view value(std::string_view name, std::string_view space = {}) const;
  // The values of all of them as one list.
  [[nodiscard]] std::string list(std::string_view name) const;

  // The content as a MIME entity: its ranges are of content_octets(). Parts of a multipart are looked for up to
  // content_known_to(), what is behind is opaque. `content_type`: its field's value, may be empty.
  [[nodiscard]] const mime::Part& content() const { return content_; }
  [[nodiscard]] ByteSource& content_octets() const;
  [[nodiscard]] std::uint64_t content_known_to() const { return known_to_; }
  [[nodiscard]] const std::string& content_type() const { return content_type_; }

 private:
  void read(std::string_view text);

  std::vector<CpimHeader> headers_;
  std::string content_header_;     // fields of the content, without the blank line
  std::size_t content_begin_ = 0;  // within the body of the part, decoded
  std::string content_type_;
  std::unique_ptr<ByteSource> decoded_;  // the body, when it had a transfer encoding
  std::unique_ptr<ByteSource> entity_;   // header and content
  mime::Part content_;
  std::uint64_t known_to_ = 0;
};

}  // namespace cpm::imap::cpm_objects
