/** The camera as a source of photos. */

import { useEffect, useRef, useState } from "preact/hooks";
import { pixelsOf, type Pixels } from "./prepare";

/** Frames of the camera, a few a second, until it is frozen or off. */
export function useCamera(frame: (pixels: Pixels) => void, fail: (why: string) => void) {
  const [stream, setStream] = useState<MediaStream | null>(null);
  const frozen = useRef(false);
  const latest = useRef(frame);
  latest.current = frame;
  useEffect(() => {
    if (!stream) return;
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = stream;
    void video.play();
    const timer = setInterval(() => {
      if (!frozen.current && video.videoWidth) latest.current(pixelsOf(video, video.videoWidth, video.videoHeight));
    }, 250);
    return () => {
      clearInterval(timer);
      stream.getTracks().forEach((track) => track.stop());
    };
  }, [stream]);
  const turn = () => {
    if (stream) return setStream(null);
    frozen.current = false;
    if (!navigator.mediaDevices) return fail("This browser gives no camera to a page that was opened as a file.");
    navigator.mediaDevices.getUserMedia({ video: true }).then(setStream, () => fail("There is no camera, or it may not be used."));
  };
  return { on: stream !== null, turn, freeze: () => void (frozen.current = !frozen.current) };
}
