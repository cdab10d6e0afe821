#include "admin/export_sink.h"

#include "admin/maildir.h"
#include "admin/mbox.h"
#include "imap/mime/lines.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ostream>

namespace cpm::admin {

namespace {

namespace fs = std::filesystem;

Error cannot_write(const std::string& path) {
  return fail(Failure::internal,
              path + " cannot be written: " + std::strerror(errno) + "\nIs there room, and may this user write there?");
}

// `quoted`: as mboxrd. Returns whether the last line was ended.
bool write_lines(std::ostream& out, Spool& octets, bool binary, bool quoted) {
  imap::mime::LineReader reader(octets);
  imap::mime::Line line;
  bool line_start = true;
  while (reader.next(line)) {
    if (quoted && line_start && needs_quote(line.raw)) out << '>';
    if (!binary && line.ended && line.line_end_octets == 2) {
      out << line.raw.substr(0, line.raw.size() - 2) << '\n';
    } else {
      out << line.raw;
    }
    line_start = line.ended;
  }
  return line_start;
}

void write_octets(std::ostream& out, Spool& octets) {
  std::vector<char> block(64 * 1024);
  std::uint64_t at = 0;
  while (const std::size_t got = octets.read(at, block.data(), block.size())) {
    out.write(block.data(), static_cast<std::streamsize>(got));
    at += got;
  }
}

void set_time(const std::string& path, std::chrono::sys_seconds time) {
  const timespec moment{time.time_since_epoch().count(), 0};
  const timespec both[2] = {moment, moment};
  ::utimensat(AT_FDCWD, path.c_str(), both, 0);  // a file system without times still holds the message
}

class MboxSink final : public ExportSink {
 public:
  explicit MboxSink(std::ostream& out) : out_(out) {}
  MboxSink(std::unique_ptr<std::ofstream> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)), out_(*file_) {}

  Result<void> put(const ExportMessage& message) override {
    out_ << from_line(message.sender, message.internal_date);
    if (!write_lines(out_, *message.octets, message.binary, true)) out_ << '\n';
    out_ << '\n';
    if (!out_) return cannot_write(path_);
    return {};
  }
  Result<void> finish() override {
    if (!out_.flush()) return cannot_write(path_);
    return {};
  }

 private:
  std::unique_ptr<std::ofstream> file_;
  std::string path_ = "standard output";
  std::ostream& out_;
};

// New files appear in tmp and are moved when they are whole (Maildir's rule).
class MaildirSink final : public ExportSink {
 public:
  explicit MaildirSink(std::string path) : path_(std::move(path)) {}

  Result<void> put(const ExportMessage& message) override {
    std::string letters;
    if (!maildir_letters(message.flags, keywords_, letters)) ++without_letter_;
    const std::string name = std::to_string(message.internal_date.time_since_epoch().count()) + ".V" +
                             std::to_string(message.uidvalidity.value) + "U" + std::to_string(message.uid.value) +
                             ".cpmstore";
    const std::string temporary = path_ + "/tmp/" + name;
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    write_lines(file, *message.octets, message.binary, false);
    file.close();
    if (!file) return cannot_write(temporary);
    set_time(temporary, message.internal_date);
    const std::string final_name = path_ + "/cur/" + name + ":2," + letters;
    if (std::rename(temporary.c_str(), final_name.c_str()) != 0) return cannot_write(final_name);
    return {};
  }
  Result<void> finish() override {
    if (keywords_.empty()) return {};
    std::ofstream file(path_ + "/dovecot-keywords", std::ios::trunc);
    file << keyword_file(keywords_);
    if (!file.flush()) return cannot_write(path_ + "/dovecot-keywords");
    return {};
  }
  [[nodiscard]] std::vector<std::string> notes() const override {
    if (without_letter_ == 0) return {};
    return {path_ + ": a Maildir names at most 26 keywords; further ones were left out of " +
            std::to_string(without_letter_) + " messages"};
  }

 private:
  const std::string path_;
  std::vector<std::string> keywords_;
  std::uint64_t without_letter_ = 0;
};

class EmlSink final : public ExportSink {
 public:
  explicit EmlSink(std::string path) : path_(std::move(path)) {}

  Result<void> put(const ExportMessage& message) override {
    const std::string name = path_ + "/" + std::to_string(message.uid.value) + ".eml";
    std::ofstream file(name, std::ios::binary | std::ios::trunc);
    write_octets(file, *message.octets);
    file.close();
    if (!file) return cannot_write(name);
    set_time(name, message.internal_date);
    return {};
  }
  Result<void> finish() override { return {}; }

 private:
  const std::string path_;
};

std::string encoded(unsigned char c) {
  constexpr char kHex[] = "0123456789ABCDEF";
  return {'%', kHex[c >> 4], kHex[c & 15]};
}

std::string component_name(std::string_view name) {
  const bool reserved =
      name == "cur" || name == "new" || name == "tmp" || name.ends_with(".mbox") || name.ends_with(".eml");
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool misread = c == '%' || c < 0x20 || c == 0x7f || (i == 0 && (c == '.' || reserved));
    out += misread ? encoded(c) : std::string(1, name[i]);
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<ExportSink>> open_sink(ExportFormat format, const std::string& path) {
  std::error_code error;
  const fs::path target(path);
  if (format == ExportFormat::mbox) {
    if (fs::exists(target, error)) return fail(Failure::exists, path + " exists already\nName a file that does not");
    if (target.has_parent_path()) fs::create_directories(target.parent_path(), error);
    auto file = std::make_unique<std::ofstream>(path, std::ios::binary);
    if (!*file) return cannot_write(path);
    return std::unique_ptr<ExportSink>(new MboxSink(std::move(file), path));
  }
  const bool maildir = format == ExportFormat::maildir;
  if (maildir && fs::exists(target / "cur", error)) {
    return fail(Failure::exists, path + " is a Maildir already\nName a folder that does not exist");
  }
  for (const char* folder : {"cur", "new", "tmp"}) {
    fs::create_directories(maildir ? target / folder : target, error);
    if (error) return fail(Failure::denied, path + " cannot be made: " + error.message());
  }
  if (maildir) return std::unique_ptr<ExportSink>(new MaildirSink(path));
  return std::unique_ptr<ExportSink>(new EmlSink(path));
}

std::unique_ptr<ExportSink> mbox_to(std::ostream& out) { return std::make_unique<MboxSink>(out); }

std::string export_path(ExportFormat format, const std::string& root, std::string_view mailbox) {
  std::string path = root;
  while (!mailbox.empty()) {
    const std::size_t slash = std::min(mailbox.find('/'), mailbox.size());
    path += "/" + component_name(mailbox.substr(0, slash));
    mailbox.remove_prefix(std::min(slash + 1, mailbox.size()));
  }
  if (format == ExportFormat::mbox) path += ".mbox";
  return path;
}

}  // namespace cpm::admin
