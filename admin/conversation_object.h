// What people read and see of an object of a conversation: its whole text and its files, behind CPIM and MIME.
// Runs on: the main thread.
#pragma once

#include "base/byte_source.h"
#include "base/limits.h"
#include "imap/cpm/content.h"
#include "imap/cpm/cpim.h"
#include "schema/object_facts.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::admin {

struct ObjectFile {
  std::string name;                        // may be empty
  std::string type;                        // media type in lower case; may be empty
  std::optional<std::uint64_t> size;       // octets, decoded
  const imap::mime::Part* part = nullptr;  // none: the bytes are not in the store
};

class ConversationObject {
 public:
  // `octets` outlives this.
  ConversationObject(ByteSource& octets, const schema::ObjectFacts& facts, const Limits& limits);

  static constexpr std::size_t kMostText = 1U << 20;
  // UTF-8 with LF; at most kMostText octets and then an ellipsis. Empty when there is none.
  [[nodiscard]] std::string text();
  [[nodiscard]] const std::vector<ObjectFile>& files() const { return files_; }
  // The octets of a file that is in the store, decoded, in pieces.
  void read(const ObjectFile& file, const std::function<void(std::string_view)>& take);

 private:
  void find_files();

  const schema::ObjectFacts& facts_;
  imap::mime::Part message_;
  std::unique_ptr<imap::cpm_objects::Cpim> cpim_;
  imap::cpm_objects::Content content_;
  imap::cpm_objects::Leaves leaves_;
  std::vector<ObjectFile> files_;
};

// Media types that a browser may show by itself without running anything of it.
enum class InlineMedia { none, image, audio, video };
[[nodiscard]] InlineMedia inline_media(std::string_view type) noexcept;

// The last component of a file name, without what could play with a terminal or a file system; "file" when nothing is
// left.
[[nodiscard]] std::string plain_file_name(std::string_view name);

// For HTML: text and values of attributes.
[[nodiscard]] std::string html_text(std::string_view text);

// Base64 of octets that come in pieces.
class Base64 {
 public:
  explicit Base64(std::function<void(std::string_view)> take) : take_(std::move(take)) {}
  void feed(std::string_view octets);
  void finish();

 private:
  void encode(std::string_view octets);

  std::function<void(std::string_view)> take_;
  std::string held_;  // fewer than three octets
};

}  // namespace cpm::admin
