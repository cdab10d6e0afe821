#include "imap/cpm/file_transfer.h"

#include "base/percent.h"
#include "imap/cpm/session_object.h"
#include "imap/cpm/text.h"
#include "imap/cpm/xml.h"
#include "imap/mime/header.h"

#include <charconv>

namespace cpm::imap::cpm_objects {

namespace {

constexpr std::size_t kMostFiles = 100;

std::optional<std::uint64_t> octet_count(std::string_view text) {
  text = trim(text);
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  // A column holds 63 bits.
  if (error != std::errc{} || end != text.data() + text.size() || n >> 63 != 0) return std::nullopt;
  return n;
}

bool starts(std::string_view line, std::string_view with) {
  return line.size() >= with.size() && mime::equals_ignore_case(line.substr(0, with.size()), with);
}

// name:"x.jpg" type:image/jpeg size:123 hash:sha-1:… (RFC 5547 6); in a name %22 stands for a quote.
void read_selector(std::string_view text, TransferredFile& file) {
  while (!(text = trim(text)).empty()) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return;
    const std::string_view key = text.substr(0, colon);
    text.remove_prefix(colon + 1);
    std::string_view value;
    if (text.starts_with('"')) {
      text.remove_prefix(1);
      const auto quote = text.find('"');
      value = text.substr(0, quote);
      text.remove_prefix(quote == std::string_view::npos ? text.size() : quote + 1);
    } else {
      value = text.substr(0, text.find_first_of(" \t"));
      text.remove_prefix(value.size());
    }
    if (mime::equals_ignore_case(key, "name")) file.name = percent_decode(value);
    if (mime::equals_ignore_case(key, "type")) file.type = value;
    if (mime::equals_ignore_case(key, "size")) file.size = octet_count(value);
  }
}

}  // namespace

TransferredFile read_file_sdp(std::string_view sdp) {
  TransferredFile file;
  while (!sdp.empty()) {
    const auto lf = sdp.find('\n');
    const std::string_view line = trim(sdp.substr(0, lf));
    sdp.remove_prefix(lf == std::string_view::npos ? sdp.size() : lf + 1);
    if (starts(line, "a=file-selector:")) read_selector(line.substr(16), file);
    if (starts(line, "a=file-icon:")) file.icon = bare_content_id(line.substr(12));
    if (starts(line, "a=file-disposition:icon")) file.thumbnail = true;
  }
  return file;
}

std::vector<TransferredFile> read_file_document(std::string_view text) {
  const Xml xml(text);
  const pugi::xml_node root = xml.root("file");
  std::vector<TransferredFile> files;
  for (const auto& node : root.children()) {
    if (local_name(node) != "file-info" || files.size() == kMostFiles) continue;
    TransferredFile file;
    file.thumbnail = mime::equals_ignore_case(trim(attribute(node, "type")), "thumbnail");
    file.name = text_of(child(node, "file-name"));
    file.type = text_of(child(node, "content-type"));
    file.size = octet_count(text_of(child(node, "file-size")));
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace cpm::imap::cpm_objects
