#include "admin/import_source.h"

#include "admin/maildir.h"
#include "admin/mbox.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <vector>

namespace cpm::admin {

namespace {

namespace fs = std::filesystem;
constexpr std::size_t kBlock = 64 * 1024;

// Watches a message go by: how its first line ends, and whether a line says Content-Transfer-Encoding: binary.
class BinaryWatch {
 public:
  void see(std::string_view text) {
    for (const char c : text) {
      if (c != '\n') {
        if (line_.size() < kLineOctets) line_ += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        continue;
      }
      if (first_) crlf_ = line_.ends_with('\r');
      first_ = false;
      if (line_.starts_with("content-transfer-encoding:") && line_.find("binary") != std::string::npos) binary_ = true;
      line_.clear();
    }
  }
  [[nodiscard]] bool keep_octets() const { return crlf_ && binary_; }

 private:
  static constexpr std::size_t kLineOctets = 200;
  std::string line_;
  bool first_ = true, crlf_ = false, binary_ = false;
};

template <class Function>
Result<void> for_blocks(const std::string& path, Function function) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    return error ? fail(Failure::denied, "it cannot be read: " + error.message())
                 : fail(Failure::invalid, "it is not a regular file");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Failure::denied, "the file cannot be opened");
  std::vector<char> block(kBlock);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
    CPM_CHECK(function(std::string_view(block.data(), static_cast<std::size_t>(file.gcount()))));
  }
  if (file.bad()) return fail(Failure::internal, "the file cannot be read to its end");
  return {};
}

class EmlSource final : public ImportSource {
 public:
  EmlSource(std::vector<std::string> files, const Limits& limits) : files_(std::move(files)), limits_(limits) {}

  bool next(ImportItem& item) override {
    if (at_ == files_.size()) return false;
    const std::string& path = files_[at_++];
    item = {};
    item.where = path;
    auto octets = read_message_file(path, limits_);
    if (!octets) {
      item.skipped = octets.error().text;
      return true;
    }
    item.octets = std::move(*octets);
    item.date = modified_at(path);
    return true;
  }
  [[nodiscard]] std::uint64_t done() const override { return at_; }
  [[nodiscard]] std::uint64_t total() const override { return files_.size(); }

 private:
  std::vector<std::string> files_;
  std::size_t at_ = 0;
  const Limits& limits_;
};

// What is called *.eml below a folder, numbers in their natural order; what is no file is named when it is read.
std::vector<std::string> eml_files(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
       it != end; it.increment(error)) {
    std::string extension = it->path().extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    std::error_code ignored;
    if (extension == ".eml" && !it->is_directory(ignored)) files.push_back(it->path().string());
  }
  std::sort(files.begin(), files.end(), natural_less);
  return files;
}

}  // namespace

Result<void> LineEnds::write(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32 + 2);
  for (const char c : text) {
    if (c == '\n' && last_ != '\r') out += '\r';
    out += c;
    last_ = c;
  }
  return to_.append(out);
}

Result<std::shared_ptr<Spool>> read_message_file(const std::string& path, const Limits& limits) {
  BinaryWatch watch;
  std::uint64_t size = 0;
  CPM_CHECK(for_blocks(path, [&](std::string_view block) -> Result<void> {
    size += block.size();
    if (size > limits.message_octets) return fail(Failure::too_big, "larger than limits.message_octets");
    watch.see(block);
    return {};
  }));
  if (size == 0) return fail(Failure::invalid, "the file is empty");
  auto spool = std::make_shared<Spool>(limits);
  LineEnds ends(*spool);
  CPM_CHECK(for_blocks(
      path, [&](std::string_view block) { return watch.keep_octets() ? spool->append(block) : ends.write(block); }));
  if (spool->size() > limits.message_octets) return fail(Failure::too_big, "larger than limits.message_octets");
  return spool;
}

std::optional<std::chrono::sys_seconds> modified_at(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::seconds(facts.st_mtim.tv_sec));
}

const char* format_name(ImportFormat format) noexcept {
  switch (format) {
    case ImportFormat::mbox: return "mbox";
    case ImportFormat::maildir: return "maildir";
    case ImportFormat::eml: return "eml";
    case ImportFormat::automatic: break;
  }
  return "auto";
}

Result<ImportFormat> detect_format(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return fail(Failure::not_found, path + " does not exist");
  if (fs::is_directory(status)) {
    const bool maildir = fs::is_directory(path + "/cur", error) || fs::is_directory(path + "/new", error);
    return maildir ? ImportFormat::maildir : ImportFormat::eml;
  }
  if (!fs::is_regular_file(status)) return fail(Failure::invalid, path + " is not a regular file");
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Failure::denied, path + " cannot be opened");
  char start[5] = {};
  file.read(start, sizeof start);
  return std::string_view(start, static_cast<std::size_t>(file.gcount())) == "From " ? ImportFormat::mbox
                                                                                     : ImportFormat::eml;
}

Result<std::unique_ptr<ImportSource>> open_source(const std::string& path, ImportFormat format, const Limits& limits) {
  CPM_TRY(found, detect_format(path));
  std::error_code error;
  const bool folder = fs::is_directory(path, error);
  if (format == ImportFormat::automatic) format = found;
  if (format == ImportFormat::maildir && found != ImportFormat::maildir) {
    return fail(Failure::invalid, path + " is not a Maildir: it has neither cur nor new");
  }
  if (format == ImportFormat::mbox && found != ImportFormat::mbox) {
    return fail(Failure::invalid, path + " is not an mbox: it does not begin with \"From \"");
  }
  if (format == ImportFormat::maildir) return open_maildir(path, limits);
  if (format == ImportFormat::mbox) return open_mbox(path, limits);
  auto files = folder ? eml_files(path) : std::vector<std::string>{path};
  if (files.empty()) return fail(Failure::not_found, path + " holds no .eml files");
  return std::unique_ptr<ImportSource>(new EmlSource(std::move(files), limits));
}

}  // namespace cpm::admin
