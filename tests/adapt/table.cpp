// Writes docs/conversions.md: every conversion, done with a sample by a real worker, with its time and memory.
//   adapt_table PATH-OF-CPMSTORE-ADAPT > docs/conversions.md
#include "adapt/adapter.h"
#include "tests/adapt/samples.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace cpm::adapt;
using namespace cpm::adapt::test;

struct Sample {
  std::string what, octets;
};

std::map<std::string, Sample> samples() {
  std::map<std::string, Sample> all;
  all["image/jpeg"] = {"photo, 4000 x 3000", picture("JPEG", 4000, 3000, true)};
  all["image/png"] = {"photo, 1600 x 1200", picture("PNG", 1600, 1200, true)};
  all["image/webp"] = {"photo, 1600 x 1200", picture("WEBP", 1600, 1200, true)};
  all["image/bmp"] = {"photo, 1600 x 1200", picture("BMP", 1600, 1200, true)};
  all["image/tiff"] = {"photo, 1600 x 1200", picture("TIFF", 1600, 1200, true)};
  all["image/gif"] = {"animation, 320 x 240, 20 frames", animation(320, 240, 20)};
  all["image/heic"] = {"drawing, 1024 x 768", heic(1024, 768)};
  all["video/mp4"] = {"MPEG-4, 640 x 480, 5 s", film("mp4", 640, 480, 5)};
  all["video/3gpp"] = {"H.263, 176 x 144, 5 s", film("3gp", 176, 144, 5, 0, "h263")};
  all["video/webm"] = {"VP8, 640 x 480, 5 s", film("webm", 640, 480, 5)};
  all["video/quicktime"] = {"MPEG-4, 640 x 480, 5 s", film("mov", 640, 480, 5)};
  all["audio/amr"] = {"AMR, 10 s", amr(10)};
  all["audio/aac"] = {"AAC, 10 s", sound("adts", "aac", 10)};
  all["audio/mp4"] = {"AAC, 10 s", sound("ipod", "aac", 10)};
  all["audio/mpeg"] = {"MP3, 10 s", sound("mp3", "libmp3lame", 10)};
  all["audio/ogg"] = {"Vorbis, 10 s", sound("ogg", "libvorbis", 10)};
  all["audio/wav"] = {"PCM, 44.1 kHz, stereo, 10 s", wav(10, 44'100, 2)};
  all["application/pdf"] = {"a page, 595 x 842 points", pdf(595, 842)};
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "Ein Satz mit \xfc und \xdf, wie er in einer Nachricht steht.\r\n";
  all["text/plain"] = {"2,000 lines, iso-8859-1", text};
  all["text/csv"] = {"2,000 lines, iso-8859-1", text};
  all["text/css"] = {"2,000 lines, iso-8859-1", text};
  std::string page = "<html><body>";
  for (int i = 0; i < 500; ++i) page += html();
  all["text/html"] = {"a page of " + std::to_string(page.size() / 1024) + " KiB", page};
  all["text/vcard"] = {"one card", vcard()};
  all["message/cpim"] = {"a message with text", cpim("text/plain; charset=utf-8", "Hello")};
  return all;
}

long peak_kib(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmHWM:")) return std::atol(line.c_str() + 6);
  }
  return 0;
}

std::string range_of(const Parameter& parameter) {
  std::string text = std::string(parameter.name) + " (";
  if (parameter.number) text += std::to_string(parameter.least) + " … " + std::to_string(parameter.most) + "; ";
  return text + std::string(parameter.standard) + ")";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  AdapterSettings settings;
  settings.program = argv[1];
  settings.job_time = std::chrono::seconds(60);
  Adapter adapter(settings);
  boost::asio::io_context io;
  auto guard = boost::asio::make_work_guard(io);
  std::thread thread([&] { io.run(); });
  const auto convert = [&](std::int64_t account, Task task) {
    return boost::asio::co_spawn(io, adapter.convert(account, std::move(task), std::chrono::seconds(60)),
                                 boost::asio::use_future)
        .get();
  };
  std::printf(
      "# Conversions\n\n"
      "What `CONVERT` (RFC 5259) does here: written by `./dev docs`, which does each conversion with the sample named, "
      "in a jailed\n"
      "worker ([decision 0050](decisions/0050-media-worker.md)). Pictures, films and pages are made to fit into 256 x "
      "256. Time is of\n"
      "one conversion in a worker that has done it before, the best of five; memory is what a fresh worker takes on "
      "top of what it\n"
      "shares with the others.\n\n"
      "Types go by their registered names; other names in use are known (`image/jpg`, `audio/x-wav`, `text/x-vcard` "
      "…). What a\n"
      "part is comes from its octets; among textual types, from its label. The default target is marked with a "
      "star.\n\n"
      "| source | target | sample | octets | result | time, ms | memory, MiB |\n|---|---|---|---:|---:|---:|---:|\n");
  const auto all = samples();
  int failed = 0;
  std::int64_t account = 1;
  std::map<std::string, std::vector<std::string>> parameters;
  for (const Conversion& conversion : conversions()) {
    const Sample& sample = all.at(std::string(conversion.source));
    Task task;
    task.declared = conversion.source;
    task.target = conversion.target;
    task.charset = conversion.source == "text/html"         ? "utf-8"
                   : conversion.source.starts_with("text/") ? "iso-8859-1"
                                                            : "";
    for (const Parameter& parameter : conversion.parameters) {
      if (parameter.name == "pix-x" || parameter.name == "pix-y") task.parameters[std::string(parameter.name)] = "256";
      parameters[range_of(parameter)].push_back(std::string(conversion.target));
    }
    task.octets = sample.octets;
    ++account;
    double best = 1e9;
    std::size_t size = 0;
    bool good = !sample.octets.empty();
    long peak = 0;
    long base = 0;
    for (int round = 0; round < 5 && good; ++round) {
      const auto begun = std::chrono::steady_clock::now();
      const Outcome outcome = convert(account, task);
      const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
      const auto* done = std::get_if<Converted>(&outcome);
      good = done != nullptr;
      if (!good) {
        const Refused& refused = std::get<Refused>(outcome);
        std::fprintf(stderr, "%s to %s: %s (%s)\n", task.declared.c_str(), task.target.c_str(), refused.detail.c_str(),
                     refused.found.c_str());
        break;
      }
      best = std::min(best, took.count());
      size = done->octets.size();
    }
    for (const WorkerStatus& worker : adapter.status().workers) {
      if (worker.jobs > 0)
        peak = std::max(peak, peak_kib(worker.pid));
      else
        base = std::max(base, peak_kib(worker.pid));
    }
    failed += good ? 0 : 1;
    const std::string target = std::string(conversion.target) + (conversion.by_default ? " *" : "");
    if (good)
      std::printf("| %s | %s | %s | %zu | %zu | %.1f | %.0f |\n", task.declared.c_str(), target.c_str(),
                  sample.what.c_str(), sample.octets.size(), size, best,
                  std::max(0.0, static_cast<double>(peak - base) / 1024));
    else
      std::printf("| %s | %s | %s | %zu | not here | | |\n", task.declared.c_str(), target.c_str(), sample.what.c_str(),
                  sample.octets.size());
  }
  std::printf("\n## Parameters\n\n| parameter (values; what holds without it) | of conversions to |\n|---|---|\n");
  for (auto& [parameter, targets] : parameters) {
    std::sort(targets.begin(), targets.end());
    targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
    std::string list;
    for (const std::string& target : targets) list += (list.empty() ? "" : ", ") + target;
    std::printf("| %s | %s |\n", parameter.c_str(), list.c_str());
  }
  std::printf(
      "\n`pix-x` and `pix-y` (RFC 2534) are the sides of a box that the result fits into: the aspect is kept, and "
      "nothing is\n"
      "enlarged. `size-limit` is in octets; quality is given up for it, then size. `frames` keeps that many from the "
      "start of an\n"
      "animation. Results in `application/json` are facts of the source: width, height, frames, duration, codec, "
      "sample-rate,\n"
      "channels, pages. A text with characters that the target charset has not is refused, unless\n"
      "`unknown-character-replacement` (RFC 5259, 12.1) says what to put there.\n");
  adapter.stop();
  guard.reset();
  thread.join();
  return failed == 0 ? 0 : 1;
}
