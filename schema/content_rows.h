// The rows of new contents: ids, digests, and how derived facts travel to the database. Not for other layers.
// Runs on: db thread.
#pragma once

#include "schema/append.h"
#include "schema/query.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

// A new content id: time-ordered, so that new rows stand together in the indexes; never given twice by this process.
[[nodiscard]] ContentId new_content_id();

// The number of the thread called `root`, as thread_id_v1 makes it; nothing for an empty name.
[[nodiscard]] std::optional<std::int64_t> thread_id(std::string_view root);

[[nodiscard]] std::string sha256(std::string_view octets);

// The first `size` octets. Throws when they end early.
[[nodiscard]] std::string read_all(ByteSource& source, std::uint64_t size);

// Valid UTF-8 without NUL, as PostgreSQL demands of text: anything else becomes U+FFFD, NUL vanishes.
[[nodiscard]] std::string clean_text(std::string_view text);
// The same, cut to what an index entry may hold.
[[nodiscard]] std::string clean_fact(std::string_view text);

// Messages whose octets travel with the statement, as the parameters of content_insert_v2.
class ContentRows {
 public:
  void add(const StagedMessage& message, std::string_view octets);
  [[nodiscard]] std::size_t octets() const { return blob_.size(); }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  void finish();  // closes the arrays; then the parameters are complete

  std::string contents = "{", sizes = "{", header_octets = "{", dates = "{", moments = "{", directions = "{",
              threads = "{", exact = "{", complete = "{", at = "{0";
  [[nodiscard]] const std::string& blob() const { return blob_; }

 private:
  void value(std::string_view octets);

  std::string blob_;
  std::size_t count_ = 0;
};

}  // namespace cpm::schema
