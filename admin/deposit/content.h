// The content of an object: text, HTML, files and the descriptions of them, as one MIME entity.
// Runs on: any thread.
#pragma once

#include "admin/deposit/facts.h"
#include "admin/deposit/object.h"

namespace cpm::deposit {

// Header fields in order, each ended with CRLF. Values hold no line ends; empty ones are left out.
class Head {
 public:
  Head& add(std::string_view name, std::string_view value);
  Head& append(const Head& other);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct Entity {
  std::string type;  // of Content-Type
  Head more;         // Content-Transfer-Encoding and what else belongs to it
  std::vector<Piece> pieces;

  [[nodiscard]] std::uint64_t size() const noexcept;
  void append(const Entity& inner);  // its pieces
};

// Size and type are taken from the file where the facts do not say. Failure::not_found.
[[nodiscard]] Result<FileFacts> looked_up(FileFacts file);

[[nodiscard]] Entity text_entity(const std::string& text, const std::string& type);
// REQUIRES: looked_up.
[[nodiscard]] Entity file_entity(const FileFacts& file, bool with_id);
// Text of `plain_type`, HTML (as alternatives) and files together, as a letter has them. REQUIRES: not all are empty.
[[nodiscard]] Entity letter_entity(const Facts& facts, const std::vector<FileFacts>& files,
                                   const std::string& plain_type);
// multipart/related;boundary="b1"; of an MMS (1.10).
[[nodiscard]] Entity mms_entity(const Facts& facts, const std::vector<FileFacts>& files);
// multipart/related with a root part of `root_type` (1.6, 1.8).
[[nodiscard]] Entity related_entity(const std::string& root_type, const std::string& root,
                                    const std::vector<FileFacts>& files);

// XML of 1.4, 1.6, 1.7, 1.8.
[[nodiscard]] std::string session_description(const Facts& facts, const std::vector<FileFacts>& files);  // generation 1
[[nodiscard]] std::string transfer_description(const Facts& facts,
                                               const std::vector<FileFacts>& files);  // generation 1
[[nodiscard]] std::string session_document(const Facts& facts);                       // generation 2
[[nodiscard]] std::string transfer_document(const FileFacts& file);                   // generation 2
[[nodiscard]] std::string group_state_document(const Facts& facts, bool with_contribution);
[[nodiscard]] std::string notification_document(const Facts& facts, const std::string& report);

}  // namespace cpm::deposit
