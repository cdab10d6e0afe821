// Reading message rows and ranges of bodies. Bodies are read by content id, so that a message expunged while it is
// being sent can still be sent to its end (purge waits).
// Runs on: db thread.
#pragma once

#include "base/byte_source.h"
#include "base/number_set.h"
#include "base/result.h"
#include "schema/access.h"
#include "schema/annotations.h"
#include "schema/append.h"
#include "schema/message_flags.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cpm::schema {

// Which columns a FETCH needs; one statement serves all its items.
enum FetchColumn : std::uint32_t {
  kColumnEnvelope = 1U << 0,
  kColumnBody = 1U << 1,
  kColumnBodyStructure = 1U << 2,
  kColumnPartMap = 1U << 3,
  kColumnHeader = 1U << 4,
  kColumnBytes = 1U << 5,  // whole octets, only of messages up to `inline_limit` octets
  kColumnFacts = 1U << 6,
  kColumnThread = 1U << 7,
  kColumnPreview = 1U << 8,
};

struct MessageRow {
  Uid uid;
  ContentId content;
  std::uint64_t size = 0;
  std::chrono::sys_seconds internal_date;
  std::chrono::sys_seconds save_date;
  std::string envelope, body, body_structure, part_map;
  std::string header;  // empty when header_octets > 64 KiB: read the range instead
  std::uint64_t header_octets = 0;
  std::optional<std::string> bytes;          // kColumnBytes and small enough
  ObjectFacts facts;                         // kColumnFacts: the identifiers and the direction
  std::optional<std::int64_t> thread;        // kColumnThread; none: the message names no thread
  std::optional<std::string> preview;        // kColumnPreview: made before (schema/conversions.h)
  std::vector<AnnotationValue> annotations;  // not read by fetch_rows(): read_annotations()
};

// Rows by uid; missing UIDs are left out. The caller pages (some hundred UIDs a call, fewer with bytes).
// REQUIRES: grant holds kRead.
[[nodiscard]] Result<std::vector<MessageRow>> fetch_rows(Transaction& tx, const Grant& grant, const UidSet& uids,
                                                         std::uint32_t columns, std::uint64_t inline_limit);

// Octets [offset, offset+length) of a content, cut at its end. length <= some MiB (the caller pages). Failure::expunged
// when the content is purged.
[[nodiscard]] Result<std::string> read_octets(Transaction& tx, AccountId account, ContentId content,
                                              std::uint64_t offset, std::uint64_t length);

// A content as a ByteSource that reads ahead by chunks, for code on a db thread. Valid while `tx` lives; throws on
// failure.
class ContentSource final : public ByteSource {
 public:
  ContentSource(Transaction& tx, AccountId account, ContentId content, std::uint64_t size);
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  std::size_t read(std::uint64_t offset, char* to, std::size_t length) override;

 private:
  Transaction& tx_;
  AccountId account_;
  ContentId content_;
  std::uint64_t size_;
  std::uint64_t window_begin_ = 0;
  std::string window_;
};

}  // namespace cpm::schema
