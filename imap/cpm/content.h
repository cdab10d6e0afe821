// The content of an object: the entity behind CPIM, or the message itself. Which of its parts is text, which are files.
// Runs on: the thread of the ByteSource.
#pragma once

#include "base/byte_source.h"
#include "imap/cpm/file_transfer.h"
#include "imap/mime/structure.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::cpm_objects {

struct Content {
  ByteSource* octets = nullptr;      // not null
  const mime::Part* part = nullptr;  // not null; ranges of `octets`
  std::string content_type;          // value of the field in lower case; empty: not told
  std::uint64_t known_to = std::numeric_limits<std::uint64_t>::max();  // a part that ends there may go on

  // "text/plain" of the field, whatever the structure made of it.
  [[nodiscard]] std::string_view type() const;
};

// The root of an Application/X-CPM-… object: "session" or "file-transfer", empty when there is none (1.6, 1.8).
[[nodiscard]] std::string_view description_of(const Content& content);
// The text of that root; empty when the body holds none.
[[nodiscard]] std::string description_text(const Content& content);

// The leaves of the content in order, without the description and without the layout of an MMS (application/smil).
struct Leaves {
  const mime::Part* text = nullptr;      // the first that people read; text/plain goes before others
  std::vector<const mime::Part*> files;  // what is no such text; at most 1000
};
[[nodiscard]] Leaves leaves_of(const Content& content);

// A part as a file: its name from Content-Disposition, Content-Type, Content-Location or Content-ID.
[[nodiscard]] TransferredFile file_of(const Content& content, const mime::Part& part);
// "image/png", in lower case.
[[nodiscard]] std::string media_type(const mime::Part& part);

}  // namespace cpm::imap::cpm_objects
