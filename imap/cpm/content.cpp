#include "imap/cpm/content.h"

#include "imap/cpm/kind.h"
#include "imap/cpm/session_object.h"
#include "imap/cpm/text.h"
#include "imap/mime/header.h"

#include <algorithm>
#include <optional>

namespace cpm::imap::cpm_objects {

namespace {

constexpr std::size_t kMostLeaves = 1000;
constexpr std::string_view kDescription = "application/x-cpm-";

bool is_description(const mime::Part& part) {
  return part.kind == mime::Kind::leaf && media_type(part).starts_with(kDescription);
}

std::string_view description_named(std::string_view content_type) {
  for (const std::string_view name : {"session", "file-transfer"})
    if (content_type.find(std::string(kDescription) + std::string(name)) != std::string_view::npos) return name;
  return {};
}

std::optional<std::string> file_name(const mime::Part& part) {
  if (part.disposition)
    if (auto name = mime::parameter(part.disposition->parameters, "filename")) return name;
  return mime::parameter(part.parameters, "name");
}

bool is_text(const mime::Part& part) {
  if (part.kind != mime::Kind::leaf || !is_readable(media_type(part))) return false;
  const bool attached = part.disposition && mime::equals_ignore_case(part.disposition->type, "attachment");
  return !attached || !file_name(part);
}

// Octets of base64 without reading them: all lines are as long as the first.
std::optional<std::uint64_t> base64_size(ByteSource& source, std::uint64_t begin, std::uint64_t end) {
  const std::string head = read_octets(source, begin, end, 1024);
  const auto lf = head.find('\n');
  if (lf == std::string::npos && end - begin > head.size()) return std::nullopt;
  const std::string tail = read_octets(source, std::max(begin, end - std::min<std::uint64_t>(end, 64)), end, 64);
  const std::size_t last = tail.find_last_not_of(" \t\r\n");
  if (last == std::string::npos) return std::nullopt;
  const std::uint64_t octets = end - (tail.size() - last - 1) - begin;
  const std::uint64_t padding = last - std::min(tail.find_last_not_of("= \t\r\n"), last);
  const std::uint64_t line = lf == std::string::npos ? octets + 1 : lf + 1;
  const std::uint64_t line_end = lf != std::string::npos && lf > 0 && head[lf - 1] == '\r' ? 2 : 1;
  return (octets - octets / line * line_end - padding) * 3 / 4;
}

std::optional<std::uint64_t> size_of(const Content& content, const mime::Part& part) {
  if (part.body_end >= content.known_to) return std::nullopt;
  const std::uint64_t octets = part.body_end - part.body_begin;
  if (part.encoding == mime::Encoding::identity || part.encoding == mime::Encoding::unknown) return octets;
  if (octets <= kBodyOctets) return mime::decoded_size(*content.octets, part.body_begin, part.body_end, part.encoding);
  if (part.encoding != mime::Encoding::base64) return std::nullopt;
  return base64_size(*content.octets, part.body_begin, part.body_end);
}

}  // namespace

std::string_view Content::type() const {
  const std::string_view value = trim(std::string_view(content_type).substr(0, content_type.find_first_of(";, \t")));
  return value.empty() ? std::string_view("text/plain") : value;
}

std::string_view description_of(const Content& content) {
  if (const auto named = description_named(content.content_type); !named.empty()) return named;
  if (content.part->children.empty() || content.part->kind != mime::Kind::multipart) return {};
  return description_named(media_type(content.part->children.front()));
}

std::string description_text(const Content& content) {
  const mime::Part& part = *content.part;
  if (part.kind != mime::Kind::multipart) return read_body(*content.octets, part);
  const auto root = std::find_if(part.children.begin(), part.children.end(), is_description);
  return root == part.children.end() ? std::string() : read_body(*content.octets, *root);
}

Leaves leaves_of(const Content& content) {
  Leaves out;
  std::vector<const mime::Part*> stack{content.part};
  while (!stack.empty() && out.files.size() < kMostLeaves) {
    const mime::Part& part = *stack.back();
    stack.pop_back();
    if (part.kind == mime::Kind::multipart) {
      for (auto child = part.children.rbegin(); child != part.children.rend(); ++child) stack.push_back(&*child);
      continue;
    }
    if (is_description(part)) continue;
    if (!is_text(part)) {
      if (media_type(part) != "application/smil") out.files.push_back(&part);
    } else if (out.text == nullptr || (!out.text->is("text", "plain") && part.is("text", "plain"))) {
      out.text = &part;
    }
  }
  return out;
}

TransferredFile file_of(const Content& content, const mime::Part& part) {
  TransferredFile file;
  file.type = media_type(part);
  file.size = size_of(content, part);
  if (auto name = file_name(part)) {
    file.name = std::move(*name);
  } else if (part.location) {
    file.name = *part.location;
  } else if (part.id && part.id->find('@') == std::string::npos) {
    file.name = bare_content_id(*part.id);  // so in MMS
  }
  return file;
}

std::string media_type(const mime::Part& part) {
  return mime::ascii_lower(part.type) + "/" + mime::ascii_lower(part.subtype);
}

}  // namespace cpm::imap::cpm_objects
